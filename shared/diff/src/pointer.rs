//! JSON pointers (RFC 6901) of values that are to be removed.

use std::cmp::Ordering;

/// Puts pointers in an order in which they can be removed one after the other: later list items first, and
/// nothing that goes with its container.
pub fn in_order_of_removal(mut pointers: Vec<String>) -> Vec<String> {
    pointers.sort_by(|a, b| order(b, a));
    pointers.dedup();
    let within =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let all = pointers.clone();
    pointers.retain(|pointer| !all.iter().any(|other| within(pointer, other)));
    pointers
}

/// The pointer of a member of what `outer` points at.
pub fn inside(outer: &str, name: &str) -> String {
    format!("{outer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn order(a: &str, b: &str) -> Ordering {
    let mut pairs = a.split('/').zip(b.split('/')).map(|(a, b)| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => a.cmp(b),
    });
    pairs.find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_items_go_first_and_nothing_goes_twice() {
        let pointers = ["/a/2", "/a/10", "/a/10/x", "/b", "/b", "/a/9", "/bc"].map(str::to_owned).to_vec();
        assert_eq!(in_order_of_removal(pointers), ["/bc", "/b", "/a/10", "/a/9", "/a/2"]);
        assert_eq!(inside("/a", "b/c~d"), "/a/b~1c~0d");
    }
}
