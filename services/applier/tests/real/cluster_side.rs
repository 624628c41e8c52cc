//! Definitions of custom resources, and objects of them in the same plan.

use serde_json::{Value, json};
use testkit::cluster::unique;

use crate::bed::{Bed, create, succeeded};

fn definition(group: &str) -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {"group": group, "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "properties": {"spec": {"type": "object",
                    "properties": {"size": {"type": "integer"}}}}}}}]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_and_its_objects_come_in_one_sync() {
    let mut bed = Bed::new().await;
    let group = format!("{}.example.com", unique("g"));
    let definition = definition(&group);
    let widget = json!({"apiVersion": format!("{group}/v1"), "kind": "Widget",
        "metadata": {"name": "w", "namespace": bed.namespace}, "spec": {"size": 3}});
    bed.desire(&[definition.clone(), widget.clone()]).await;
    let _applier = bed.start("one");
    let state = bed.execute(vec![create(&definition), create(&widget)]).await;
    assert!(succeeded(&state), "{state:?}");
    assert_eq!(bed.value(&widget).await["spec"], json!({"size": 3}));
    bed.delete(&definition).await;
}
