//! Which targets exist, and which renders they need: pure functions of the set of definitions.

use std::collections::BTreeMap;

use model::{
    Aggregate, Application, ApplicationName, Cluster, DefinitionSet, Digest, TargetId,
    definition::{Rendering, SourcePath},
};
use serde::Serialize;

/// All that a render depends on besides the files: targets with equal parameters share one render.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenderParameters {
    /// Where the files are.
    pub source: SourcePath,
    /// How manifests are made from them.
    pub rendering: Rendering,
    /// Namespace handed to the templates.
    pub namespace: Option<String>,
}

impl RenderParameters {
    /// The parameters of an application.
    pub fn of(application: &Application) -> Self {
        Self {
            source: application.source.clone(),
            rendering: application.rendering.clone(),
            namespace: application.namespace.clone(),
        }
    }

    /// Digest of the parameters: the id of the render within its application.
    pub fn digest(&self) -> Digest {
        digest_of("render parameters", self)
    }
}

/// A render that some target needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderJob {
    /// The application; its name marks every object.
    pub application: ApplicationName,
    /// What to render.
    pub parameters: RenderParameters,
}

/// A target that exists by the definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The application as it is on the cluster.
    pub application: Application,
    /// Id of the render that it needs.
    pub parameters: Digest,
    /// Digest of all that the definitions say about this target and no other: a plan made from another
    /// slice is stale.
    pub slice: Digest,
}

impl Assignment {
    /// The render aggregate that holds its desired state.
    pub fn render(&self) -> Aggregate {
        Aggregate::Render { application: self.application.name.clone(), parameters: self.parameters }
    }
}

/// Lists all targets.
pub fn assign(set: &DefinitionSet) -> BTreeMap<TargetId, Assignment> {
    let mut targets = BTreeMap::new();
    for application in set.applications() {
        for cluster in set.clusters().iter().filter(|cluster| application.targets.selects(cluster)) {
            let target = TargetId { cluster: cluster.name.clone(), application: application.name.clone() };
            let application = application.on(cluster);
            let parameters = RenderParameters::of(&application).digest();
            let slice = slice(&application, cluster);
            targets.insert(target, Assignment { application, parameters, slice });
        }
    }
    targets
}

/// The render of the fleet repository, if the set is read from one. That of another repository is another render, so that
/// nothing of what one says is ever taken for what the other says.
pub fn fleet_render(set: &DefinitionSet) -> Option<(Aggregate, RenderJob)> {
    let source = set.fleet_folder()?.clone();
    let origin = set.fleet()?.git.origin();
    let parameters = RenderParameters { source, rendering: Rendering::Detect, namespace: None };
    let application = ApplicationName::fleet();
    let bound =
        Digest::of_parts("fleet render", [parameters.digest().as_bytes().as_slice(), origin.as_bytes()]);
    let render = Aggregate::Render { application: application.clone(), parameters: bound };
    Some((render, RenderJob { application, parameters }))
}

/// Lists all renders that at least one target needs, and that of the fleet repository.
pub fn render_jobs(set: &DefinitionSet) -> BTreeMap<Aggregate, RenderJob> {
    let mut jobs: BTreeMap<_, _> = fleet_render(set).into_iter().collect();
    for application in set.applications() {
        let mut clusters = set.clusters().iter().filter(|cluster| application.targets.selects(cluster));
        if application.overrides.is_empty() {
            // The same on all of them.
            jobs.extend(clusters.next().map(|_| job(application)));
        } else {
            jobs.extend(clusters.map(|cluster| job(&application.on(cluster))));
        }
    }
    jobs
}

fn job(application: &Application) -> (Aggregate, RenderJob) {
    let (application, parameters) = (application.name.clone(), RenderParameters::of(application));
    let render = Aggregate::Render { application: application.clone(), parameters: parameters.digest() };
    (render, RenderJob { application, parameters })
}

fn slice(application: &Application, cluster: &Cluster) -> Digest {
    // Labels choose targets but change nothing for one that is chosen.
    digest_of("slice", &(application, &cluster.name, &cluster.kubeconfig, &cluster.reach))
}

fn digest_of(domain: &str, value: &impl Serialize) -> Digest {
    // The types above hold strings, numbers and lists only, which always have an encoding.
    let bytes = rmp_serde::to_vec_named(value).unwrap_or_default();
    Digest::of_parts(domain, [bytes.as_slice()])
}

#[cfg(test)]
mod tests {
    use model::definition::Override;

    use super::*;
    use crate::planner::tests::{application, cluster, source};

    fn set(applications: Vec<Application>, clusters: Vec<Cluster>) -> DefinitionSet {
        DefinitionSet::new(vec![source()], clusters, applications).unwrap()
    }

    #[test]
    fn labels_choose_the_targets() {
        let mut shop = application("shop");
        shop.targets.match_labels.insert("env".into(), "prod".into());
        let set = set(
            vec![shop, application("base")],
            vec![cluster("eu", &[("env", "prod")]), cluster("lab", &[("env", "test")])],
        );
        let targets: Vec<String> = assign(&set).keys().map(ToString::to_string).collect();
        assert_eq!(targets, ["eu/base", "eu/shop", "lab/base"]);
        assert_eq!(render_jobs(&set).len(), 2);
    }

    #[test]
    fn a_slice_changes_only_with_its_own_target() {
        let before = set(vec![application("a"), application("b")], vec![cluster("eu", &[])]);
        let mut changed = application("b");
        changed.guard.max_prune_percent = 50;
        let after = set(vec![application("a"), changed], vec![cluster("eu", &[("new", "label")])]);
        let slices = |set: &DefinitionSet| -> Vec<Digest> {
            assign(set).values().map(|assignment| assignment.slice).collect()
        };
        assert_eq!(slices(&before)[0], slices(&after)[0]);
        assert_ne!(slices(&before)[1], slices(&after)[1]);
    }

    #[test]
    fn every_input_of_a_render_gives_it_an_id_of_its_own() {
        use model::definition::{Helm, Plain};
        let helm = |helm: Helm| Some(Rendering::Helm(helm));
        let plain = |plain: Plain| Some(Rendering::Plain(plain));
        let one = || vec!["a".to_owned()];
        let renderings = [
            None,
            Some(Rendering::Kustomize),
            plain(Plain::default()),
            plain(Plain { include: one(), ..Plain::default() }),
            plain(Plain { exclude: one(), ..Plain::default() }),
            helm(Helm::default()),
            helm(Helm { release_name: Some("a".into()), ..Helm::default() }),
            helm(Helm { values_files: one(), ..Helm::default() }),
            helm(Helm { values: "a: b".into(), ..Helm::default() }),
            helm(Helm { values_overlays: one(), ..Helm::default() }),
            helm(Helm { pin_non_deterministic: true, ..Helm::default() }),
        ];
        let mut applications: Vec<Application> = renderings
            .into_iter()
            .map(|rendering| {
                let mut changed = application("a");
                changed.rendering = rendering.unwrap_or_default();
                changed
            })
            .collect();
        let mut change = |change: fn(&mut Application)| {
            let mut changed = application("a");
            change(&mut changed);
            applications.push(changed);
        };
        change(|a| a.namespace = Some("elsewhere".into()));
        change(|a| a.source.path = "elsewhere".into());
        change(|a| a.source.name = "elsewhere".parse().unwrap());
        let ids: Vec<Digest> = applications.iter().map(|a| RenderParameters::of(a).digest()).collect();
        let distinct: std::collections::BTreeSet<&Digest> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        // What does not reach the templates needs no other render.
        let mut same = application("a");
        same.sync.prune = !same.sync.prune;
        assert_eq!(RenderParameters::of(&same).digest(), ids[0]);
    }

    /// Nothing selects a cluster for it, and nothing of it is applied.
    #[test]
    fn the_fleet_repository_is_rendered_and_goes_nowhere() {
        use model::definition::{Fleet, Git, Reference};
        let git = source().git;
        let fleet = Fleet { git, path: "fleet".into(), poll_ms: 1_000 };
        let set = set(vec![], vec![cluster("eu", &[])]).read_from(fleet);
        let (render, job) = fleet_render(&set).unwrap();
        assert_eq!(job.parameters.source.path, "fleet");
        assert_eq!(render_jobs(&set), BTreeMap::from([(render.clone(), job)]));
        assert_eq!(assign(&set).len(), 0);
        // How it is reached makes no other one of it, where it is does.
        let mut reached = set.fleet().unwrap();
        reached.git.proxy = Some("http://proxy:3128".into());
        assert_eq!(fleet_render(&set.clone().read_from(reached.clone())).unwrap().0, render);
        for moved in [
            Git { url: "elsewhere".into(), ..reached.git.clone() },
            Git { reference: Reference::Branch("next".into()), ..reached.git.clone() },
        ] {
            let moved = set.clone().read_from(Fleet { git: moved, ..reached.clone() });
            assert_ne!(fleet_render(&moved).unwrap().0, render);
        }
    }

    /// Two of three clusters come out equal, and what only the third is about changes nothing for them.
    #[test]
    fn clusters_for_which_the_same_comes_out_share_a_render() {
        let clusters = || {
            vec![cluster("de", &[("region", "eu")]), cluster("fr", &[("region", "eu")]), cluster("us", &[])]
        };
        let in_eu = |path: &str, us_path: &str| {
            let of = |label: (&str, &str), path: &str| {
                let mut different = Override { path: Some(path.into()), ..Override::default() };
                different.targets.match_labels.insert(label.0.into(), label.1.into());
                different
            };
            let mut shop = application("shop");
            shop.overrides = vec![of(("region", "eu"), path), of(("region", "us"), us_path)];
            set(vec![shop], clusters())
        };
        let before = in_eu("eu", "us");
        let renders: Vec<Digest> = assign(&before).values().map(|assignment| assignment.parameters).collect();
        assert!(renders[0] == renders[1] && renders[1] != renders[2]);
        let wanted: std::collections::BTreeSet<_> =
            assign(&before).values().map(Assignment::render).collect();
        assert_eq!(render_jobs(&before).into_keys().collect::<std::collections::BTreeSet<_>>(), wanted);
        let slices = |set: &DefinitionSet| -> Vec<Digest> {
            assign(set).values().map(|assignment| assignment.slice).collect()
        };
        assert_eq!(slices(&before), slices(&in_eu("eu", "nobody is there")));
        let moved = slices(&in_eu("elsewhere", "us"));
        assert!(moved[0] != slices(&before)[0] && moved[2] == slices(&before)[2]);
    }

    #[test]
    fn equal_parameters_share_a_render() {
        let set = set(vec![application("a")], vec![cluster("eu", &[]), cluster("us", &[])]);
        let renders: std::collections::BTreeSet<_> = assign(&set).values().map(Assignment::render).collect();
        assert_eq!(renders.len(), 1);
        assert_eq!(render_jobs(&set).keys().cloned().collect::<std::collections::BTreeSet<_>>(), renders);
    }
}
