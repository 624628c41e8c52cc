//! Desired sets: everything that one render wants, redacted, in canonical order, with one digest.

use std::collections::BTreeMap;

use model::{ApiVersion, Digest, ObjectId, RetryClass};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Document, InstallKey, Manifest, ManifestError, Origin, Problem, Redacted, SecretValues, SetAsideNote,
    canonical_json, normalise,
    object::{OBJECT_BYTES_MAX, identify},
    redact, sensitive_pointers,
};

/// Most objects in one set: ten times the largest application seen in the field.
pub const OBJECTS_MAX: usize = 50_000;

/// One desired object, normalised and redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredObject {
    /// Its identity; the namespace is as written.
    pub id: ObjectId,
    /// The version it is written in.
    pub api_version: ApiVersion,
    /// All of it.
    pub value: Redacted,
}

/// What one render wants: objects without duplicates, in order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredSet {
    objects: Vec<DesiredObject>,
    digest: Digest,
}

/// What a set is built with.
#[derive(Debug, Clone, Copy)]
pub struct SetOptions<'a> {
    /// Key for redaction.
    pub key: &'a InstallKey,
    /// Namespace of namespaced objects that name none. It only serves to find duplicates: which kinds are
    /// namespaced is not known here.
    pub default_namespace: &'a str,
}

/// Secret values by object, for those objects that have any; to be [`crate::seal`]ed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DesiredSecrets(BTreeMap<String, SecretValues>);

/// What [`DesiredSet::build`] makes of documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The set.
    pub set: DesiredSet,
    /// Its secret values.
    pub secrets: DesiredSecrets,
    /// Hooks and tests that are not in the set, in order of appearance.
    pub set_aside: Vec<SetAsideNote>,
}

/// Says why documents are not a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// A document is no usable object.
    #[error("{0}")]
    Manifest(ManifestError),
    /// Two documents describe one object.
    #[error("{id} is written twice: {first} and {second}")]
    Duplicate {
        /// The object.
        id: Box<ObjectId>,
        /// Where it stands first.
        first: Origin,
        /// Where it stands again.
        second: Origin,
    },
    /// More than [`OBJECTS_MAX`] objects.
    #[error("more than {OBJECTS_MAX} objects")]
    TooMany,
    /// A stored set cannot be read.
    #[error("the stored set cannot be read: {0}")]
    Undecodable(String),
}

impl SetError {
    /// Always [`RetryClass::Permanent`].
    pub fn class(&self) -> RetryClass {
        RetryClass::Permanent
    }

    /// Stable code, `MANIFEST-…`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Manifest(error) => error.code(),
            Self::Duplicate { .. } => "MANIFEST-DUPLICATE",
            Self::TooMany => "MANIFEST-COUNT",
            Self::Undecodable(_) => "MANIFEST-STORED",
        }
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Manifest(error) => error.remedy(),
            Self::Duplicate { .. } => "remove one of the two, or rename it",
            Self::TooMany => "split the application",
            Self::Undecodable(_) => "the set is rendered again from Git",
        }
    }
}

/// One object as stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    api_version: ApiVersion,
    id: ObjectId,
    #[serde(with = "serde_bytes")]
    json: Vec<u8>,
    redacted: Vec<String>,
}

impl Default for DesiredSet {
    /// Nothing.
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl DesiredSet {
    /// Builds the set: hooks set aside, each object normalised and redacted, in canonical order.
    ///
    /// Two documents are one object if group, kind, name and namespace agree, where no namespace counts as
    /// the default one.
    ///
    /// # Errors
    /// Permanent: see [`SetError`].
    pub fn build(
        documents: impl IntoIterator<Item = Document>,
        options: SetOptions<'_>,
    ) -> Result<Built, SetError> {
        let mut seen: BTreeMap<ObjectId, Origin> = BTreeMap::new();
        let mut found = BTreeMap::new();
        let mut set_aside = Vec::new();
        for document in documents {
            let second = Origin { file: document.file.clone(), line: document.line };
            let manifest = Manifest::from_document(document).map_err(SetError::Manifest)?;
            if let Some(reason) = manifest.set_aside() {
                set_aside.push(SetAsideNote { id: manifest.id, reason, origin: manifest.origin });
                continue;
            }
            let mut identity = manifest.id.clone();
            identity.namespace.get_or_insert_with(|| options.default_namespace.to_owned());
            if let Some(first) = seen.insert(identity, second.clone()) {
                return Err(SetError::Duplicate { id: manifest.id.into(), first, second });
            }
            if seen.len() > OBJECTS_MAX {
                return Err(SetError::TooMany);
            }
            let (object, values) = finish(manifest, options.key)?;
            found.insert(object.id.clone(), (object, values));
        }
        let mut secrets = DesiredSecrets::default();
        let mut objects = Vec::with_capacity(found.len());
        for (id, (object, values)) in found {
            secrets.insert(&id, values);
            objects.push(object);
        }
        Ok(Built { set: Self::of(objects), secrets, set_aside })
    }

    fn of(objects: Vec<DesiredObject>) -> Self {
        let texts: Vec<_> = objects.iter().map(|object| canonical_json(object.value.value())).collect();
        let digest = digest_of(texts.iter().map(Vec::as_slice));
        Self { objects, digest }
    }

    /// The objects, in order of their ids.
    pub fn objects(&self) -> &[DesiredObject] {
        &self.objects
    }

    /// The object of this id, as written.
    pub fn get(&self, id: &ObjectId) -> Option<&DesiredObject> {
        let at = self.objects.binary_search_by(|object| object.id.cmp(id)).ok()?;
        self.objects.get(at)
    }

    /// The object that a resolved id means: its manifest may name no namespace where one is meant, or one where none
    /// is.
    pub fn resolved(&self, id: &ObjectId) -> Option<&DesiredObject> {
        let exact = self.get(id);
        if exact.is_some() || id.namespace.is_some() {
            return exact.or_else(|| self.get(&ObjectId { namespace: None, ..id.clone() }));
        }
        let kind = |other: &ObjectId| (&other.group, &other.kind).cmp(&(&id.group, &id.kind));
        let from = self.objects.partition_point(|object| kind(&object.id).is_lt());
        let of_kind = self.objects.get(from..)?.iter().take_while(|object| kind(&object.id).is_eq());
        of_kind.into_iter().find(|object| object.id.name == id.name)
    }

    /// The desired digest: over the canonical redacted objects in order. It moves with any change of intent,
    /// and with the install key, but not with files, lines or spelling.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The set as bytes, free of secrets; equal sets give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let stored: Vec<_> = self.objects.iter().map(Stored::of).collect();
        rmp_serde::to_vec_named(&stored).expect("text and bytes always encode")
    }

    /// Reads what [`DesiredSet::encode`] wrote.
    ///
    /// # Errors
    /// Permanent: [`SetError::Undecodable`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SetError> {
        let stored: Vec<Stored> = rmp_serde::from_slice(bytes).map_err(undecodable)?;
        // What is stored is the canonical form already.
        let digest = digest_of(stored.iter().map(|object| object.json.as_slice()));
        let objects = stored.into_iter().map(Stored::open).collect::<Result<Vec<_>, _>>()?;
        if objects.len() > OBJECTS_MAX {
            return Err(SetError::TooMany);
        }
        if objects.windows(2).any(|pair| pair[0].id >= pair[1].id) {
            return Err(undecodable("objects are out of order"));
        }
        Ok(Self { objects, digest })
    }
}

/// Of the canonical texts of redacted objects, in order.
fn digest_of<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Digest {
    Digest::of_parts("desired", texts)
}

fn finish(mut manifest: Manifest, key: &InstallKey) -> Result<(DesiredObject, SecretValues), SetError> {
    // What server-side apply needs means something else here: to Helm a null takes a default away.
    if !manifest.is_definition() {
        normalise(&mut manifest.value);
    }
    let sensitive = sensitive_pointers(&manifest.value);
    if canonical_json(&manifest.value).len() > OBJECT_BYTES_MAX {
        let error = ManifestError { origin: manifest.origin, problem: Problem::TooLarge };
        return Err(SetError::Manifest(error));
    }
    let Manifest { id, api_version, value, .. } = manifest;
    let (value, values) = redact(value, key, &sensitive);
    Ok((DesiredObject { id, api_version, value }, values))
}

impl Stored {
    fn of(object: &DesiredObject) -> Self {
        Self {
            api_version: object.api_version.clone(),
            id: object.id.clone(),
            json: canonical_json(object.value.value()),
            redacted: object.value.places().to_vec(),
        }
    }

    fn open(self) -> Result<DesiredObject, SetError> {
        let value: Value = serde_json::from_slice(&self.json).map_err(undecodable)?;
        let identity = identify(&value).map_err(undecodable)?;
        if identity != (self.id, self.api_version) {
            return Err(undecodable("an object is stored under another's id"));
        }
        let (id, api_version) = identity;
        Ok(DesiredObject { id, api_version, value: Redacted::from_stored(value, self.redacted) })
    }
}

fn undecodable(reason: impl ToString) -> SetError {
    SetError::Undecodable(reason.to_string())
}

impl DesiredSecrets {
    fn insert(&mut self, id: &ObjectId, values: SecretValues) {
        if !values.is_empty() {
            self.0.insert(id.to_string(), values);
        }
    }

    /// The values of this object, as written in the set; `None` if it has none.
    pub fn get(&self, id: &ObjectId) -> Option<&SecretValues> {
        self.0.get(&id.to_string())
    }

    /// Whether no object has any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values as bytes, to be sealed at once.
    pub fn encode(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(rmp_serde::to_vec_named(self).expect("text and values always encode"))
    }

    /// Reads what [`DesiredSecrets::encode`] wrote.
    ///
    /// # Errors
    /// Permanent: [`SetError::Undecodable`], without the reason, which might repeat a value.
    pub fn decode(bytes: &[u8]) -> Result<Self, SetError> {
        rmp_serde::from_slice(bytes).map_err(|_| undecodable("secret values"))
    }
}

#[cfg(test)]
mod tests;
