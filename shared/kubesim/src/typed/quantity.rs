//! Amounts with units in their canonical form.
//!
//! Source: k8s.io/apimachinery/pkg/api/resource: no fraction, the greatest suffix that leaves a whole number, the
//! family of suffixes as it was given.

use serde_json::Value;

/// The canonical form of an amount; what is none stays as it is.
pub(crate) fn canonical(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return value.clone(),
    };
    parse(&text).map_or_else(|| value.clone(), |amount| Value::String(amount.shown()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Binary,
    Decimal,
    Exponent,
}

struct Amount {
    /// In billionths.
    nano: i128,
    family: Family,
}

const NANO: i128 = 1_000_000_000;
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

fn parse(text: &str) -> Option<Amount> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c)).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (family, factor) = factor(suffix)?;
    let (negative, digits) = match number.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let all = whole.checked_mul(scale)?.checked_add(fraction)?.checked_mul(factor)?;
    // What is less than a billionth is rounded up.
    let nano = all / scale + i128::from(all % scale != 0);
    Some(Amount { nano: negative * nano, family })
}

fn factor(suffix: &str) -> Option<(Family, i128)> {
    if let Some(at) = BINARY.iter().position(|name| *name == suffix) {
        return Some((Family::Binary, NANO.checked_mul(1024_i128.pow(u32::try_from(at + 1).ok()?))?));
    }
    if let Some(at) = DECIMAL.iter().position(|name| *name == suffix) {
        return Some((Family::Decimal, 1000_i128.pow(u32::try_from(at).ok()?)));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    let factor = if exponent < 0 { NANO / power } else { NANO.checked_mul(power)? };
    Some((Family::Exponent, factor))
}

impl Amount {
    fn shown(&self) -> String {
        if self.nano == 0 {
            return "0".to_owned();
        }
        match self.family {
            Family::Binary if self.nano % NANO == 0 && (self.nano / NANO).abs() >= 1024 => self.binary(),
            Family::Binary | Family::Decimal => self.decimal(),
            Family::Exponent => self.exponent(),
        }
    }

    fn binary(&self) -> String {
        let (mut number, mut suffix) = (self.nano / NANO, "");
        for name in BINARY {
            if number % 1024 != 0 {
                break;
            }
            (number, suffix) = (number / 1024, name);
        }
        format!("{number}{suffix}")
    }

    fn decimal(&self) -> String {
        let (mut number, mut at) = (self.nano, 0);
        while number % 1000 == 0 && at + 1 < DECIMAL.len() {
            (number, at) = (number / 1000, at + 1);
        }
        format!("{number}{}", DECIMAL[at])
    }

    fn exponent(&self) -> String {
        let (mut number, mut exponent) = (self.nano, -9);
        while number % 1000 == 0 {
            (number, exponent) = (number / 1000, exponent + 3);
        }
        if exponent == 0 { number.to_string() } else { format!("{number}e{exponent}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_get_their_canonical_form() {
        for (given, canonical_form) in [
            ("1000m", "1"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5", "500m"),
            ("1500", "1500"),
            ("2000", "2k"),
            ("100m", "100m"),
            ("1e3", "1e3"),
            ("512Ki", "512Ki"),
            ("0", "0"),
            ("0.1Ki", "102400m"),
            ("0.9765625Ki", "1k"),
            ("-1000m", "-1"),
        ] {
            assert_eq!(canonical(&json!(given)), json!(canonical_form), "{given}");
        }
        assert_eq!(canonical(&json!(2)), json!("2"));
        assert_eq!(canonical(&json!("many")), json!("many"));
    }
}
