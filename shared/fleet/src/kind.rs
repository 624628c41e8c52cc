//! The kinds of documents.

/// The `apiVersion` of all of them.
pub const API_VERSION: &str = "driftless.dev/v1alpha1";

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A Git repository and the reference to follow in it.
    Source,
    /// An API server.
    Cluster,
    /// A folder of a source on clusters.
    Application,
}

impl Kind {
    /// All kinds, in the order in which they are explained.
    pub const ALL: [Self; 3] = [Self::Source, Self::Cluster, Self::Application];

    /// What stands under `kind`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Cluster => "Cluster",
            Self::Application => "Application",
        }
    }

    /// The kind of that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}
