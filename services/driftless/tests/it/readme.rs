//! The commands that the README shows, in its order and in its words, by bash.
//!
//! What cannot be meant literally is replaced, and nothing else: the port of NATS and the host of the repository.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use testkit::eventually;

use crate::{
    apart::BOUND,
    api::{Api, core},
    repository::Repository,
    scene::{Told, told},
};

const LINES_MAX: usize = 150;

/// What is done with a command of the README. Whoever shows another kind decides here.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    /// Sets a variable for what follows.
    Export,
    /// Runs to its end, which has to be a good one.
    ToItsEnd,
    /// The same, from when the platform answers and everything is in sync.
    OnceItIsUp,
    /// Runs until the test ends, or the page says that it is stopped.
    Service,
    /// Not at all: it builds the binary that this test is given.
    Build,
    /// Not at all: it runs this test.
    WholeSuite,
}

/// A fenced block.
struct Block<'a> {
    language: &'a str,
    text: &'a str,
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let fenced = page.split("```").skip(1).step_by(2);
    fenced
        .map(|block| block.split_once('\n').unwrap())
        .map(|(language, text)| Block { language, text })
        .collect()
}

fn run_of(command: &str) -> Result<Run, String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["export", ..] => Ok(Run::Export),
        ["target/debug/driftless" | "driftless", "sync" | "diff" | "demo" | "lint", ..] => Ok(Run::ToItsEnd),
        ["driftless", "status" | "log", ..] => Ok(Run::OnceItIsUp),
        ["cp", "~/.local/state/driftless/_platform/key", "key"] => Ok(Run::ToItsEnd),
        ["driftless", "up" | "fetcher" | "renderer" | "differ" | "applier" | "auditor" | "gateway", ..] => {
            Ok(Run::Service)
        }
        ["nats-server", ..] => Ok(Run::Service),
        ["cargo", "build", "--workspace"] => Ok(Run::Build),
        ["tests/run"] => Ok(Run::WholeSuite),
        _ => Err(format!("README.md shows `{command}`, and nothing here knows how to try it")),
    }
}

#[test]
fn the_readme_stays_short() {
    let lines = readme().lines().count();
    assert!(lines < LINES_MAX, "README.md has {lines} lines, and should have less than {LINES_MAX}");
}

#[test]
fn every_command_of_the_readme_is_known() {
    let page = readme();
    let shown = blocks(&page).into_iter().filter(|block| block.language == "sh");
    let runs: Vec<Run> =
        shown.flat_map(|block| block.text.lines()).map(|line| run_of(line).unwrap()).collect();
    for run in [Run::Export, Run::ToItsEnd, Run::OnceItIsUp, Run::Service, Run::Build, Run::WholeSuite] {
        assert!(runs.contains(&run), "{run:?} is not shown any more");
    }
    for unknown in ["driftless snyc --repo .", "kubectl get pods", "tests/run-all", ""] {
        assert!(run_of(unknown).is_err(), "{unknown:?}");
    }
}

/// A clone of the repository as the commands see it, a home folder with `~/shop`, and a cluster that ends with
/// the test.
struct Newcomer {
    folder: TempDir,
    shop: Repository,
    variables: Vec<(String, String)>,
    fleet: Repository,
    services: Vec<Child>,
    nats_port: u16,
    api_port: u16,
}

impl Newcomer {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let at = |path: &str| folder.path().join(path);
        for made in ["clone/target/debug", "clone/bin", "home", "tmp", "tools"] {
            fs::create_dir_all(at(made)).unwrap();
        }
        let driftless = env!("CARGO_BIN_EXE_driftless");
        symlink(root().join("tests"), at("clone/tests")).unwrap();
        symlink(root().join("deploy"), at("clone/deploy")).unwrap();
        symlink(driftless, at("clone/target/debug/driftless")).unwrap();
        symlink(driftless, at("clone/bin/driftless")).unwrap();
        // Clusters of its own: a developer may have followed the README as well.
        let tools = testkit::tool("helm").parent().unwrap().canonicalize().unwrap();
        symlink(&tools, at("tools/bin")).unwrap();
        symlink(tools.with_file_name("store"), at("tools/store")).unwrap();
        let shop = Repository::new();
        symlink(shop.path(), at("home/shop")).unwrap();
        let fleet = Repository::new();
        symlink(fleet.path(), at("home/fleet")).unwrap();
        let [nats_port, api_port] =
            [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
        let variables = vec![("DRIFTLESS_SERVER".to_owned(), format!("http://127.0.0.1:{api_port}"))];
        Self { folder, shop, fleet, variables, services: Vec::new(), nats_port, api_port }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn bash(&self, line: &str) -> Command {
        let mut bash = Command::new("bash");
        let tools = self.at("tools/bin");
        let path = format!(
            "{}:{}:{}",
            self.at("clone/bin").display(),
            tools.display(),
            std::env::var("PATH").unwrap()
        );
        bash.arg("-ec").arg(line).current_dir(self.at("clone")).stdin(Stdio::null()).env("PATH", path);
        bash.env("DRIFTLESS_TOOLS", self.at("tools")).env("TMPDIR", self.at("tmp"));
        bash.env_remove("KUBECONFIG").env_remove("DRIFTLESS_LOG").env_remove("XDG_STATE_HOME");
        bash.envs(self.variables.iter().map(|(name, value)| (name, value)));
        bash
    }

    /// Takes over what the line sets. The home folder stays the real one: Go has its cache there.
    fn export(&mut self, line: &str) {
        let name = line.strip_prefix("export ").and_then(|rest| rest.split_once('=')).unwrap().0;
        let told = told(self.bash(&format!("{line}; echo \"${name}\"")));
        assert!(told.exit == 0 && !told.out.trim().is_empty(), "{line}: {told}");
        self.variables.push((name.to_owned(), told.out.trim().to_owned()));
    }

    fn run(&self, line: &str) -> Told {
        let mut bash = self.bash(line);
        bash.env("HOME", self.at("home"));
        let told = told(bash);
        assert_eq!(told.exit, 0, "{line}: {told}");
        told
    }

    /// Runs it again and again until it does what is meant.
    async fn run_once_up(&self, line: &str) {
        let look = async || {
            let mut bash = self.bash(line);
            bash.env("HOME", self.at("home"));
            let told = told(bash);
            (told.exit == 0 && (told.out.contains("InSync") || line.contains("log"))).then_some(())
        };
        eventually(BOUND, line, look).await;
    }

    /// Starts what runs until the test ends.
    async fn start(&mut self, line: &str) {
        let nats = line.starts_with("nats-server");
        let port = self.nats_port;
        if nats {
            // "Stop it, and run each service apart."
            for mut service in self.services.drain(..) {
                let asked = Command::new("kill").arg(service.id().to_string()).status().unwrap();
                assert!(asked.success() && service.wait().unwrap().success());
            }
        }
        let line = match nats {
            true => format!("exec {line} --port {port} --http_port -1"),
            false => format!("exec {}", line.replace(":4222", &format!(":{port}"))),
        };
        // Other platforms may be on this machine.
        let line = match line.contains("driftless up") || line.contains("driftless gateway") {
            true => format!("{line} --listen 127.0.0.1:{}", self.api_port),
            false => line,
        };
        let log = File::create(self.at(&format!("{}.log", self.services.len()))).unwrap();
        let mut bash = self.bash(&line);
        bash.env("HOME", self.at("home")).stdout(log.try_clone().unwrap()).stderr(log);
        self.services.push(bash.spawn().unwrap());
        if nats {
            eventually(BOUND, "NATS", async || TcpStream::connect(("127.0.0.1", port)).ok()).await;
        }
    }

    /// What the services said, and whether one of them has ended.
    fn services_said(&mut self) -> String {
        let ended: Vec<_> = self.services.iter_mut().map(|child| child.try_wait().unwrap()).collect();
        let logs = (0..ended.len()).map(|nr| fs::read_to_string(self.at(&format!("{nr}.log"))).unwrap());
        format!("{ended:?}\n{}", logs.collect::<Vec<_>>().join("\n--\n"))
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        for child in self.services.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
        // Whatever name the README gives it.
        for cluster in fs::read_dir(self.at("tools/clusters")).into_iter().flatten().flatten() {
            if let Some(name) = cluster.file_name().to_str().filter(|name| !name.starts_with('.')) {
                let _ = told(self.bash(&format!("tests/cluster-down --name {name}")));
            }
        }
    }
}

/// Three objects and a Secret, all of one name, as in the output that the README shows.
const SHOP: [(&str, &str); 4] = [
    ("deploy/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {color: blue}\n"),
    (
        "deploy/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {password: p}\n",
    ),
    (
        "deploy/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n",
    ),
    ("deploy/deployment.yaml", crate::shop::DEPLOYMENT),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_readme_shows_works_in_its_order() {
    let page = readme();
    let mut newcomer = Newcomer::new();
    let commit = newcomer.shop.commit(&SHOP);
    // What the last command told, until the page shows what it tells.
    let mut last: Option<Told> = None;
    let mut compared = 0;
    for block in blocks(&page) {
        match (block.language, last.take()) {
            ("sh", _) => {
                for line in block.text.lines() {
                    match run_of(line).unwrap() {
                        Run::Export => newcomer.export(line),
                        Run::ToItsEnd => last = Some(newcomer.run(line)),
                        Run::OnceItIsUp => newcomer.run_once_up(line).await,
                        Run::Service => newcomer.start(line).await,
                        Run::Build | Run::WholeSuite => {}
                    }
                }
            }
            ("", Some(told)) => {
                let shown = block.text.replace("1c7cb700", &commit[..8]);
                // On a busy machine it may say what it waits for.
                let steps = told.err.split_inclusive('\n').filter(|line| !line.starts_with("still "));
                assert_eq!(steps.collect::<String>() + &told.out, shown);
                compared += 1;
            }
            ("yaml", _) => {
                let url = newcomer.shop.url();
                let text = block.text.replace("https://git.example/shop.git", &url);
                assert_ne!(text, block.text, "the host that nobody has is replaced");
                newcomer.fleet.commit(&[("fleet.yaml", &text)]);
                fs::copy(kubeconfig(&newcomer), newcomer.at("clone/eu-1.yaml")).unwrap();
            }
            // A drawing, or what another command tells.
            (_, _) => {}
        }
    }
    assert_eq!(compared, 1, "the output of a sync is shown and compared");
    // What runs now are the services apart.
    newcomer.shop.commit(&[("deploy/config.yaml", &SHOP[0].1.replace("blue", "green"))]);
    let api = Api::of(&kubeconfig(&newcomer));
    let applied = || async {
        api.get(&core("shop-eu", "configmaps", "web")).filter(|web| web["data"]["color"] == "green")
    };
    let applied = tokio::time::timeout(BOUND * 2, eventually(BOUND * 3, "the services", applied)).await;
    assert!(applied.is_ok(), "{}", newcomer.services_said());
}

fn kubeconfig(newcomer: &Newcomer) -> PathBuf {
    let set = newcomer.variables.iter().find(|(name, _)| name == "KUBECONFIG");
    PathBuf::from(&set.unwrap().1)
}
