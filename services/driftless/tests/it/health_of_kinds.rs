//! Health kind by kind, as the real controllers bring it about: pods of a fake node become ready, and Jobs done.

use std::thread;

use serde_json::json;
use testkit::cluster;

use crate::{
    api::{core, version},
    scene::{Scene, Told},
};

const POD: &str = "containers: [{name: main, image: 'registry.example/main:1'}]";

fn running(namespace: &str) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: store}}
spec:
  replicas: 2
  serviceName: store
  selector: {{matchLabels: {{app: store}}}}
  template: {{metadata: {{labels: {{app: store}}}}, spec: {{{POD}}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: agent}}
spec:
  selector: {{matchLabels: {{app: agent}}}}
  template: {{metadata: {{labels: {{app: agent}}}}, spec: {{{POD}}}}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: once}}
spec: {{template: {{spec: {{restartPolicy: Never, {POD}}}}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: alone}}
spec: {{{POD}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {namespace}}}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {{storage: 1Gi}}
  hostPath: {{path: /nowhere}}
  storageClassName: ''
  claimRef: {{namespace: {namespace}, name: disk}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: disk}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
  storageClassName: ''
  volumeName: {namespace}
---
apiVersion: v1
kind: Service
metadata: {{name: store}}
spec: {{clusterIP: None, selector: {{app: store}}, ports: [{{port: 80}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: door}}
spec: {{defaultBackend: {{service: {{name: store, port: {{number: 80}}}}}}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: things.{namespace}.example}}
spec:
  group: {namespace}.example
  scope: Namespaced
  names: {{plural: things, singular: thing, kind: Thing}}
  versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]
"
    )
}

fn scene() -> Scene {
    Scene::on(&cluster::with_controllers("driftless-pods"))
}

#[test]
fn what_controllers_bring_about_is_healthy_and_in_sync() {
    let scene = scene();
    scene.repository.commit(&[("deploy/all.yaml", &running(&scene.name))]);
    let told = scene.sync(&["--wait"]);
    assert_eq!(scene.readable(&told.out), "in sync at COMMIT: 9 objects, Healthy\n", "{told}");
    let status = |path: &str| scene.api.object(path)["status"].clone();
    let apps = |kind: &str, name: &str| format!("/apis/apps/v1/namespaces/{}/{kind}/{name}", scene.name);
    assert_eq!(status(&apps("statefulsets", "store"))["readyReplicas"], 2);
    assert_eq!(status(&apps("daemonsets", "agent"))["numberReady"], 1);
    assert_eq!(status(&core(&scene.name, "pods", "alone"))["phase"], "Running");
    assert_eq!(status(&core(&scene.name, "persistentvolumeclaims", "disk"))["phase"], "Bound");
    let job = format!("/apis/batch/v1/namespaces/{}/jobs/once", scene.name);
    assert_eq!(status(&job)["succeeded"], 1);
    // Controllers have written into nearly all of them: node, volume, finalizers, status.
    let pod = scene.api.object(&core(&scene.name, "pods", "alone"));
    let diff = scene.run("diff", &[]);
    assert_eq!(diff.exit, 0, "{diff}");
    scene.sync(&["--wait"]);
    assert_eq!(version(&scene.api.object(&core(&scene.name, "pods", "alone"))), version(&pod));
}

/// Manifest, what names the object, and why it is not healthy.
const WAITING: [(&str, &str, &str); 7] = [
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, ports: [{port: 80}]}",
        "Service NAME/web",
        "no load balancer address yet",
    ),
    (
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: disk}\nspec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Gi}}}",
        "PersistentVolumeClaim NAME/disk",
        "not bound yet",
    ),
    (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: alone}\nspec: {nodeSelector: {no: such-node}, POD}",
        "Pod NAME/alone",
        "Unschedulable",
    ),
    (
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: store}\nspec: {serviceName: store, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {nodeSelector: {no: such-node}, POD}}}",
        "StatefulSet.apps NAME/store",
        "0 of 1",
    ),
    (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: slow}\nspec: {template: {spec: {restartPolicy: Never, nodeSelector: {no: such-node}, POD}}}",
        "Job.batch NAME/slow",
        "pods running, 0 done, 0 failed",
    ),
    (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: late}\nspec: {activeDeadlineSeconds: 1, template: {spec: {restartPolicy: Never, nodeSelector: {no: such-node}, POD}}}",
        "Job.batch NAME/late",
        "DeadlineExceeded",
    ),
    (
        "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.NAME.example}\nspec: {group: NAME.example, version: v1, groupPriorityMinimum: 10, versionPriority: 10, insecureSkipTLSVerify: true, service: {namespace: default, name: nobody}}",
        "APIService.apiregistration.k8s.io v1.NAME.example",
        "ServiceNotFound",
    ),
];

#[test]
fn what_is_not_healthy_is_named_with_its_reason_kind_by_kind() {
    let wait = |manifest: &str| -> (Scene, Told) {
        let scene = scene();
        let text = manifest.replace("NAME", &scene.name).replace("POD", POD);
        scene.repository.commit(&[("deploy/all.yaml", &text)]);
        let told = scene.run("sync", &["--wait", "--timeout", "15s"]);
        (scene, told)
    };
    thread::scope(|threads| {
        let runs = WAITING.map(|(manifest, id, reason)| (threads.spawn(move || wait(manifest)), id, reason));
        for (run, id, reason) in runs {
            let (scene, told) = run.join().unwrap();
            let named = id.replace("NAME", &scene.name);
            told.failed(4, "UNHEALTHY").naming(&named).naming(reason);
            assert!(scene.readable(&told.out).starts_with("in sync at COMMIT: 1 object"), "{told}");
            if id.starts_with("APIService") {
                let path = "/apis/apiregistration.k8s.io/v1/apiservices";
                scene.api.delete(&format!("{path}/v1.{}.example", scene.name));
            }
        }
    });
}

#[test]
fn a_load_balancer_is_healthy_once_it_has_an_address() {
    let scene = scene();
    scene.repository.commit(&[("deploy/all.yaml", WAITING[0].0)]);
    scene.run("sync", &["--wait", "--timeout", "10s"]).failed(4, "UNHEALTHY");
    let web = core(&scene.name, "services", "web");
    // There is no cloud here: its controller is played by hand.
    let address = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}});
    scene.api.edit(&format!("{web}/status"), address);
    let told = scene.sync(&["--wait"]);
    assert_eq!(scene.readable(&told.out), "in sync at COMMIT: 1 object, Healthy\n", "{told}");
}
