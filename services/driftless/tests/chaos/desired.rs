//! What Git describes: the objects of each application, and the value in all of them.

use std::collections::BTreeMap;

use serde_json::json;

/// Objects by name, with their values.
pub type Objects = BTreeMap<String, String>;

/// Objects of an application that are always there.
pub const LASTING: usize = 2;

/// All applications.
pub struct Desired {
    applications: Vec<Application>,
    /// Changes so far; no value and no name is used twice.
    changes: u64,
}

/// One application: two objects that stay, and at times a third.
struct Application {
    value: String,
    extra: Option<String>,
}

impl Desired {
    pub fn new(applications: usize) -> Self {
        let application = |_| Application { value: "first".into(), extra: None };
        Self { applications: (0..applications).map(application).collect(), changes: 0 }
    }

    pub fn len(&self) -> usize {
        self.applications.len()
    }

    /// Gives some applications another value, and some an object more, or takes it from them.
    pub fn change(&mut self, changed: &[usize], toggled: &[usize]) {
        self.changes += 1;
        for app in changed {
            self.applications[*app].value = format!("change-{}", self.changes);
        }
        for app in toggled {
            let extra = &mut self.applications[*app].extra;
            *extra = match extra {
                Some(_) => None,
                None => Some(format!("{}-x{}", name(*app), self.changes)),
            };
        }
    }

    pub fn objects(&self, app: usize) -> Objects {
        let application = &self.applications[app];
        let lasting = (0..LASTING).map(|object| lasting(app, object));
        lasting.chain(application.extra.clone()).map(|name| (name, application.value.clone())).collect()
    }

    /// The files of the repository.
    pub fn files(&self) -> Vec<(String, String)> {
        (0..self.len()).map(|app| (format!("apps/{}/all.yaml", name(app)), self.manifests(app))).collect()
    }

    fn manifests(&self, app: usize) -> String {
        let manifest = |(name, value): (String, String)| {
            let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"v": value}});
            body.to_string() + "\n---\n"
        };
        self.objects(app).into_iter().map(manifest).collect()
    }
}

/// The name of an application, to which a world adds its own.
pub fn name(app: usize) -> String {
    format!("app-{app:03}")
}

/// The name of an object that is always there.
pub fn lasting(app: usize, object: usize) -> String {
    format!("{}-{object}", name(app))
}
