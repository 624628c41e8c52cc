//! What a watch tells.

use serde_json::json;

use crate::{alike, step::Step};

#[test]
fn changes_are_told_in_order() {
    alike(&[
        Step::post("v1:configmaps", json!({"metadata": {"name": "a", "labels": {"x": "y"}}})),
        Step::merge("v1:configmaps/a", json!({"data": {"k": "v"}})),
        Step::merge("v1:configmaps/a", json!({"data": {"k": "v"}})),
        Step::post("v1:configmaps", json!({"metadata": {"name": "b"}})),
        Step::delete("v1:configmaps/a", json!({})),
        Step::watch("v1:configmaps", "{rv:0}"),
        Step::watch("v1:configmaps", "{rv:2}"),
        Step::watch("v1:configmaps", "0"),
        Step::watch("v1:configmaps?fieldSelector=metadata.name%3Db", "{rv:0}"),
    ]);
}

#[test]
fn what_loses_its_label_is_told_as_gone() {
    alike(&[
        Step::post("v1:configmaps", json!({"metadata": {"name": "a"}})),
        Step::merge("v1:configmaps/a", json!({"metadata": {"labels": {"x": "y"}}})),
        Step::merge("v1:configmaps/a", json!({"data": {"k": "v"}})),
        Step::merge("v1:configmaps/a", json!({"metadata": {"labels": {"x": null}}})),
        Step::merge("v1:configmaps/a", json!({"data": {"k": "w"}})),
        Step::watch("v1:configmaps?labelSelector=x%3Dy", "{rv:0}"),
    ]);
}

#[test]
fn the_list_can_be_a_part_of_the_watch() {
    alike(&[
        Step::post("v1:configmaps", json!({"metadata": {"name": "a"}})),
        Step::get("v1:configmaps?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=false").loosely(),
    ]);
}
