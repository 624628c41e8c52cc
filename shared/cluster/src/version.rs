//! The order of resource versions.
//!
//! Source: Kubernetes 1.35 made the order of resource versions of one resource type part of the API: decimal
//! numbers. Aggregated API servers may still use other texts: those have no order.

use std::cmp::Ordering;

/// Which of two resource versions of one resource is the newer; `None` if that cannot be said.
pub fn order(left: &str, right: &str) -> Option<Ordering> {
    // Without leading zeros the longer number is the greater one, however long: nothing overflows.
    let decimal = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()) && (!text.starts_with('0') || text == "0")
    };
    let good = !left.is_empty() && !right.is_empty() && decimal(left) && decimal(right);
    good.then(|| left.len().cmp(&right.len()).then_with(|| left.cmp(right)))
}

/// Whether a cluster that has shown `seen` and now shows `now` has lost writes: restored from a backup.
pub fn went_back(seen: &str, now: &str) -> bool {
    order(now, seen) == Some(Ordering::Less)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_of_any_length() {
        for (left, right, expected) in [
            ("1", "2", Some(Ordering::Less)),
            ("9", "10", Some(Ordering::Less)),
            ("10", "10", Some(Ordering::Equal)),
            ("99999999999999999999999", "99999999999999999999998", Some(Ordering::Greater)),
            ("", "1", None),
            ("01", "1", None),
            ("a", "1", None),
        ] {
            assert_eq!(order(left, right), expected, "{left:?} {right:?}");
        }
        assert!(
            went_back("10", "9") && !went_back("9", "10") && !went_back("9", "9") && !went_back("x", "1")
        );
    }
}
