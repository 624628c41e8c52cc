//! Secrets that a command line names by their place.

use model::definition::SecretRef;

use crate::problem::Problem;

/// Reads a secret of at least one character; `option` names it in an error.
pub fn read(place: &SecretRef, option: &str) -> Result<String, Problem> {
    let (found, place) = match place {
        SecretRef::File(path) => (std::fs::read_to_string(path).ok(), path.display().to_string()),
        SecretRef::Env(name) => (std::env::var(name).ok(), name.clone()),
    };
    let found = found.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    found.ok_or_else(|| {
        Problem::new("SECRET", format!("{option}: nothing can be read from {place}"), "put the secret there")
    })
}
