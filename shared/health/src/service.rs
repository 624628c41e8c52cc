//! Service.

use crate::{Health, object::Object};

/// Only a load balancer can be waited for.
///
/// Source: Argo CD `health_service.go`. Its rule for Ingress (an address is required) is left out: many
/// controllers never write one, and the object would be Progressing for ever.
pub(crate) fn assess(object: Object<'_>) -> Health {
    let balanced = object.text("/spec/type") == Some("LoadBalancer");
    if balanced && object.items("/status/loadBalancer/ingress").next().is_none() {
        return Health::progressing("no load balancer address yet");
    }
    Health::healthy()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::{
        HealthStatus::{Healthy, Progressing},
        check,
    };

    #[test]
    fn load_balancers_need_an_address() {
        for (kind, ingress, expected) in [
            ("ClusterIP", json!(null), Healthy),
            ("LoadBalancer", json!(null), Progressing),
            ("LoadBalancer", json!([]), Progressing),
            ("LoadBalancer", json!([{"ip": "192.0.2.1"}]), Healthy),
        ] {
            let live = json!({"apiVersion": "v1", "kind": "Service", "spec": {"type": kind}, "status": {"loadBalancer": {"ingress": ingress}}});
            check(live, expected, "");
        }
        check(json!({"apiVersion": "v1", "kind": "Service"}), Healthy, "");
    }
}
