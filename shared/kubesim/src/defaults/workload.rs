//! What makes pods.

use serde_json::{Value, json};

use super::{inner, items, pod::template, unset, unset_text};

pub(super) fn deployment(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    unset(spec, "replicas", json!(1));
    unset(spec, "strategy", json!({}));
    let strategy = &mut spec["strategy"];
    unset_text(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        unset(strategy, "rollingUpdate", json!({}));
        unset(&mut strategy["rollingUpdate"], "maxUnavailable", json!("25%"));
        unset(&mut strategy["rollingUpdate"], "maxSurge", json!("25%"));
    }
    unset(spec, "revisionHistoryLimit", json!(10));
    unset(spec, "progressDeadlineSeconds", json!(600));
    template(&mut spec["template"]);
}

pub(super) fn replica_set(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    unset(spec, "replicas", json!(1));
    template(&mut spec["template"]);
}

pub(super) fn replication_controller(object: &mut Value) {
    let labels = object.pointer("/spec/template/metadata/labels").cloned();
    if let (Some(labels), Some(spec)) = (labels.clone(), inner(object, "spec")) {
        unset(spec, "selector", labels);
    }
    if let (Some(labels), Some(metadata)) = (labels, inner(object, "metadata")) {
        unset(metadata, "labels", labels);
    }
    replica_set(object);
}

pub(super) fn daemon_set(object: &mut Value) {
    // What the internal type keeps as a number of its own. Source: conversion of apps/v1 DaemonSet.
    let annotation = "deprecated.daemonset.template.generation";
    unset(object, "metadata", json!({}));
    unset(&mut object["metadata"], "annotations", json!({}));
    unset(&mut object["metadata"]["annotations"], annotation, json!("0"));
    let Some(spec) = inner(object, "spec") else { return };
    unset(spec, "updateStrategy", json!({}));
    let strategy = &mut spec["updateStrategy"];
    unset_text(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        unset(strategy, "rollingUpdate", json!({}));
        unset(&mut strategy["rollingUpdate"], "maxUnavailable", json!(1));
        unset(&mut strategy["rollingUpdate"], "maxSurge", json!(0));
    }
    unset(spec, "revisionHistoryLimit", json!(10));
    template(&mut spec["template"]);
}

pub(super) fn stateful_set(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    unset_text(spec, "podManagementPolicy", "OrderedReady");
    unset(spec, "updateStrategy", json!({}));
    let strategy = &mut spec["updateStrategy"];
    unset_text(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        unset(strategy, "rollingUpdate", json!({}));
        unset(&mut strategy["rollingUpdate"], "partition", json!(0));
    }
    unset(spec, "persistentVolumeClaimRetentionPolicy", json!({}));
    for name in ["whenDeleted", "whenScaled"] {
        unset_text(&mut spec["persistentVolumeClaimRetentionPolicy"], name, "Retain");
    }
    unset(spec, "replicas", json!(1));
    unset(spec, "revisionHistoryLimit", json!(10));
    template(&mut spec["template"]);
    for claim in items(spec, "volumeClaimTemplates") {
        unset_text(claim, "apiVersion", "v1");
        unset_text(claim, "kind", "PersistentVolumeClaim");
        if let Some(spec) = inner(claim, "spec") {
            unset(spec, "volumeMode", json!("Filesystem"));
        }
        unset(claim, "status", json!({}));
        unset_text(&mut claim["status"], "phase", "Pending");
    }
}

pub(super) fn job(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        unset(spec, "completions", json!(1));
    }
    unset(spec, "parallelism", json!(1));
    if spec["backoffLimit"].is_null() {
        let limit = if spec["backoffLimitPerIndex"].is_null() { json!(6) } else { json!(i32::MAX) };
        unset(spec, "backoffLimit", limit);
    }
    unset(spec, "completionMode", json!("NonIndexed"));
    unset(spec, "suspend", json!(false));
    unset(spec, "manualSelector", json!(false));
    let policy = if spec["podFailurePolicy"].is_null() { "TerminatingOrFailed" } else { "Failed" };
    unset(spec, "podReplacementPolicy", json!(policy));
    template(&mut spec["template"]);
}

pub(super) fn cron_job(object: &mut Value) {
    let Some(spec) = inner(object, "spec") else { return };
    unset_text(spec, "concurrencyPolicy", "Allow");
    unset(spec, "suspend", json!(false));
    unset(spec, "successfulJobsHistoryLimit", json!(3));
    unset(spec, "failedJobsHistoryLimit", json!(1));
    if let Some(job) = inner(spec, "jobTemplate").and_then(|job| inner(job, "spec")) {
        template(&mut job["template"]);
    }
}
