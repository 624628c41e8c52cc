//! From a reference to a commit.

use gix::{ObjectId, bstr::ByteSlice as _};
use model::{Commit, definition::Reference};
use semver::{Version, VersionReq};

use crate::{Mirror, SourceError, failure};

/// Names listed when one is missing.
const KNOWN_MAX: usize = 5;

/// Longest name repeated in an error, in characters.
const NAME_CHARS_MAX: usize = 200;

/// What a reference stands for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The commit.
    pub commit: Commit,
    /// The branch or tag that led to it; `HEAD` when the default is no branch; the id itself for a commit.
    pub name: String,
}

impl Mirror {
    /// Resolves a reference in the mirror as last fetched. A commit that is missing is fetched by its id.
    ///
    /// # Errors
    /// `GIT-REF` (permanent), `GIT-CORRUPT` (transient); for a missing commit those of [`Mirror::fetch`].
    pub fn resolve(&self, reference: &Reference) -> Result<Resolved, SourceError> {
        match reference {
            Reference::Default => self.default_branch(),
            Reference::Branch(name) => self.named(Kind::Branch, name),
            Reference::Tag(name) => self.named(Kind::Tag, name),
            Reference::Semver(range) => self.highest(range),
            Reference::Commit(id) => self.commit(id),
        }
    }

    fn default_branch(&self) -> Result<Resolved, SourceError> {
        let repository = self.repository();
        let mut head = repository.head().map_err(|error| self.damaged(&error))?;
        let Some(name) = head.referent_name().map(|name| name.shorten().to_string()) else {
            let commit = head.peel_to_commit().map_err(|error| self.damaged(&error))?;
            return Ok(Resolved { commit: ours(commit.id), name: "HEAD".to_owned() });
        };
        if head.is_unborn() {
            return Err(self.missing(Kind::Branch, &format!("default branch {name:?}")));
        }
        self.named(Kind::Branch, &name)
    }

    fn named(&self, kind: Kind, name: &str) -> Result<Resolved, SourceError> {
        let repository = self.repository();
        let missing =
            || self.hinted(kind, name, self.missing(kind, &format!("{} {:?}", kind.word(), cut(name))));
        let full =
            gix::refs::FullName::try_from(format!("{}{name}", kind.prefix())).map_err(|_| missing())?;
        let found = repository.try_find_reference(&full).map_err(|error| self.damaged(&error))?;
        let mut found = found.ok_or_else(missing)?;
        let id = found.peel_to_id().map_err(|error| self.damaged(&error))?.detach();
        let header = repository.find_header(id).map_err(|error| self.damaged(&error))?;
        // A tag may stand for a tree or blob, of which nothing can be made.
        if header.kind() != gix::object::Kind::Commit {
            return Err(missing());
        }
        Ok(Resolved { commit: ours(id), name: name.to_owned() })
    }

    /// Says what a name that is no branch may have been meant as.
    fn hinted(&self, kind: Kind, name: &str, mut error: SourceError) -> SourceError {
        let abbreviated = (7..40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hint = match kind {
            Kind::Tag => None,
            Kind::Branch if self.names(Kind::Tag).is_ok_and(|tags| tags.iter().any(|tag| tag == name)) => {
                Some("there is a tag of that name")
            }
            Kind::Branch if abbreviated => Some("a commit is named by all of its digits"),
            Kind::Branch => None,
        };
        if let (SourceError::Reference { known, .. }, Some(hint)) = (&mut error, hint) {
            known.push_str("; ");
            known.push_str(hint);
        }
        error
    }

    fn highest(&self, range: &str) -> Result<Resolved, SourceError> {
        let wanted = || format!("tag within the version range {:?}", cut(range));
        let Ok(requirement) = VersionReq::parse(range) else {
            return Err(self.missing(Kind::Tag, &format!("{} (it is no range)", wanted())));
        };
        let versions = self.names(Kind::Tag)?.into_iter().filter_map(|name| {
            let version = Version::parse(name.strip_prefix('v').unwrap_or(&name)).ok()?;
            requirement.matches(&version).then_some((version, name))
        });
        let (_, name) = versions.max().ok_or_else(|| self.missing(Kind::Tag, &wanted()))?;
        self.named(Kind::Tag, &name)
    }

    fn commit(&self, id: &str) -> Result<Resolved, SourceError> {
        let missing = || self.missing(Kind::Branch, &format!("commit {:?}", cut(id)));
        let commit: Commit = id.parse().map_err(|_| missing())?;
        let object = ObjectId::from_hex(id.as_bytes()).map_err(|_| missing())?;
        if !self.holds_commit(object)? {
            match self.fetch_commit(object) {
                Ok(()) => {}
                // The server refuses ids, or has no such commit: to a person it is the same.
                Err(SourceError::Fetch { .. } | SourceError::Corrupt { .. }) => return Err(missing()),
                Err(error) => return Err(error),
            }
            if !self.holds_commit(object)? {
                return Err(missing());
            }
        }
        Ok(Resolved { commit, name: id.to_owned() })
    }

    fn holds_commit(&self, id: ObjectId) -> Result<bool, SourceError> {
        let header = self.repository().try_find_header(id).map_err(|error| self.damaged(&error))?;
        Ok(header.is_some_and(|header| header.kind() == gix::object::Kind::Commit))
    }

    fn names(&self, kind: Kind) -> Result<Vec<String>, SourceError> {
        let repository = self.repository();
        let list = || -> gix::Result<Vec<String>> {
            let platform = repository.references()?;
            let mut names = Vec::new();
            for reference in platform.prefixed(kind.prefix())? {
                let reference = reference?;
                let name = reference.name().as_bstr();
                if let Ok(name) = name[kind.prefix().len()..].to_str() {
                    names.push(name.to_owned());
                }
            }
            Ok(names)
        };
        list().map_err(|error| self.damaged(&error))
    }

    /// Marks the mirror as damaged.
    pub(crate) fn damaged(&self, error: &gix::Error) -> SourceError {
        self.core.condemn();
        failure::of_mirror(error, &self.core.remote.address)
    }

    fn missing(&self, kind: Kind, wanted: &str) -> SourceError {
        let names = self.names(kind).unwrap_or_default();
        let shown: Vec<String> = names.iter().take(KNOWN_MAX).map(|name| cut(name)).collect();
        let known = match (names.len(), names.len().saturating_sub(KNOWN_MAX)) {
            (0, _) => format!("it has no {} at all", kind.word()),
            (_, 0) => format!("it has the {} {}", kind.plural(), shown.join(", ")),
            (_, more) => format!("it has the {} {} and {more} more", kind.plural(), shown.join(", ")),
        };
        SourceError::Reference { url: self.address().to_owned(), wanted: wanted.to_owned(), known }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Branch,
    Tag,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Branch => "refs/heads/",
            Self::Tag => "refs/tags/",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Tag => "tag",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Branch => "branches",
            Self::Tag => "tags",
        }
    }
}

fn cut(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect()
}

fn ours(id: ObjectId) -> Commit {
    id.to_string().parse().expect("gix prints 40 or 64 lower-case hexadecimal digits")
}
