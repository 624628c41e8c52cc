//! A log is backed up, lost, and restored: what goes on, and what stands still.

use std::{
    fs,
    io::Read,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use serde_json::json;
use testkit::eventually;

use crate::{
    apart,
    api::{core, deployment, version},
    platform::{BOUND, Platform},
    scene::{Scene, Told, told},
    shop,
};

/// `driftless COMMAND` with the scene's state folder, and a backup in its own.
fn with_state(scene: &Scene, command: &[&str]) -> Told {
    let mut run = scene.bare();
    run.args(command).arg("--state").arg(scene.state());
    told(run)
}

fn file(scene: &Scene) -> PathBuf {
    scene.folder().join("shop.backup")
}

fn back_up(scene: &Scene, options: &[&str]) -> Told {
    with_state(scene, &[&["backup", "--to", file(scene).to_str().unwrap()], options].concat())
}

fn restore(scene: &Scene) -> Told {
    with_state(scene, &["restore", "--from", file(scene).to_str().unwrap()])
}

/// Backups, and what is left of any.
fn beside(scene: &Scene) -> Vec<String> {
    let entries = fs::read_dir(scene.folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("shop.backup")).collect()
}

/// Who may do what with a file.
pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// How a key is called.
fn key_id(text: &[u8]) -> String {
    manifest::InstallKey::from_lines(std::str::from_utf8(text).unwrap()).unwrap().key_id()
}

/// The versions of everything in the shop: equal means that nobody wrote any of it.
fn versions(scene: &Scene) -> Vec<String> {
    let name = &scene.name;
    let paths = [
        core(name, "configmaps", "settings"),
        core(name, "secrets", "login"),
        core(name, "services", "web"),
        deployment(name, "web"),
    ];
    paths.iter().map(|path| version(&scene.api.object(path)).to_owned()).collect()
}

async fn evaluated(platform: &Platform<'_>) {
    platform.until("an evaluation", |it| it["evaluated"]["state"] == "Fresh").await;
}

/// What a platform said that ends by itself.
async fn ended_up(scene: &Scene) -> Told {
    let mut run = scene.bare();
    run.args(["up", "--listen", "127.0.0.1:0", "--state"]).arg(scene.state()).stderr(Stdio::piped());
    let mut platform = Running(run.spawn().unwrap());
    let ended = async || platform.0.try_wait().unwrap();
    let ended = eventually(BOUND, "its end", ended).await;
    let mut err = String::new();
    platform.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    Told { exit: ended.code().unwrap(), out: String::new(), err }
}

#[tokio::test]
async fn a_platform_goes_on_from_a_backup_that_was_taken_while_it_ran() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(&scene, &["--api-token", "env:API"]).await;
    let status = ["status", "--api-token", "env:API", "-o", "json"];
    let in_sync = async || {
        let told = platform.ask(&status);
        (told.out.contains("\"InSync\"") && told.out.contains(&first)).then_some(())
    };
    eventually(BOUND, "in sync", in_sync).await;
    let busy = back_up(&scene, &[]);
    busy.failed(2, "LOG-IN-USE").naming("--server");
    let to = file(&scene).display().to_string();
    platform.ask(&["backup", "--to", &to]).failed(1, "API-TOKEN");
    assert_eq!(beside(&scene), Vec::<String>::new(), "what was refused leaves no file");
    let made = platform.ask(&["backup", "--to", &to, "--api-token", "env:API"]);
    assert_eq!(made.exit, 0, "{made}");
    made.naming("The key of the log is not in it");
    let key = fs::read(scene.state().join("key")).unwrap();
    assert_eq!(mode(&scene.state().join("key")), 0o600);
    let bytes = fs::read(file(&scene)).unwrap();
    assert!(!bytes.windows(32).any(|window| window == &key[..32]), "no key leaves by the API");
    assert_eq!(mode(&file(&scene)), 0o600);
    assert_eq!(beside(&scene), ["shop.backup"]);
    assert_eq!(platform.stop(), 0);
    let before = versions(&scene);

    fs::remove_dir_all(scene.state()).unwrap();
    let restored = restore(&scene);
    assert_eq!(restored.exit, 0, "{restored}");
    // Named, so that the right one is put back.
    restored.naming("is not in the backup").naming(&key_id(&key));
    let keyless = ended_up(&scene).await;
    keyless.failed(2, "STATE-KEY").naming("put the key file back");
    restore(&scene).failed(2, "RESTORE-EXISTS");
    fs::write(scene.state().join("key"), &key).unwrap();

    let platform = Platform::up(&scene, &[]).await;
    platform.in_sync_at(&first).await;
    evaluated(&platform).await;
    // It acts as ever, and on nothing but what needs it.
    let added = scene.repository.commit(&[("deploy/added.yaml", &shop::config("added"))]);
    let synced = platform.ask(&["sync", &scene.name]);
    assert_eq!(synced.exit, 0, "{synced}");
    platform.in_sync_at(&added).await;
    assert!(scene.api.get(&core(&scene.name, "configmaps", "added")).is_some());
    assert_eq!(versions(&scene), before);
    assert_eq!(platform.stop(), 0);
}

#[tokio::test]
async fn a_platform_on_an_older_backup_writes_nothing_and_says_why() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(&scene, &[]).await;
    platform.in_sync_at(&first).await;
    assert_eq!(platform.stop(), 0);
    let made = back_up(&scene, &["--with-key"]);
    assert_eq!(made.exit, 0, "{made}");
    made.naming("WARNING: the key is in it");
    assert_eq!(mode(&file(&scene)), 0o600);
    let key = fs::read(scene.state().join("key")).unwrap();

    let platform = Platform::up(&scene, &[]).await;
    let green = shop::CONFIG.replace("blue", "green");
    let second = scene.repository.commit(&[("deploy/config.yaml", &green)]);
    assert_eq!(platform.ask(&["sync", &scene.name]).exit, 0);
    platform.in_sync_at(&second).await;
    assert_eq!(platform.stop(), 0);
    fs::remove_dir_all(scene.state()).unwrap();

    let restored = restore(&scene);
    assert_eq!(restored.exit, 0, "{restored}");
    assert_eq!(fs::read(scene.state().join("key")).unwrap(), key);
    assert_eq!(mode(&scene.state().join("key")), 0o600);
    // What it would do to the cluster, if it might: a change, and the heal of an edit.
    scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "red"))]);
    scene.api.edit(&core(&scene.name, "services", "web"), json!({"spec": {"sessionAffinity": "ClientIP"}}));
    let before = versions(&scene);
    let platform = Platform::up(&scene, &[]).await;
    platform.until("its word", |it| it["problem"]["code"] == "CUSTODY-OLDER-LOG").await;
    // Between two tries, the second of which is for the edit.
    let table = async || platform.ask(&["status"]).out.contains("CUSTODY-OLDER-LOG").then_some(());
    eventually(BOUND, "its word in the table", table).await;
    let asked = platform.ask(&["sync", &scene.name]);
    assert!(asked.exit == 1 && asked.out.contains("CUSTODY-OLDER-LOG"), "{asked}");
    assert_eq!(versions(&scene), before);
    assert_eq!(platform.stop(), 0);
}

#[test]
fn a_run_goes_on_from_a_backup_and_a_damaged_one_is_refused() {
    let scene = Scene::new();
    scene.repository.commit(&shop::FILES);
    back_up(&scene, &[]).failed(2, "STATE-FOLDER");
    let socket = scene.folder().join("socket");
    let _socket = UnixListener::bind(&socket).unwrap();
    with_state(&scene, &["backup", "--to", socket.to_str().unwrap()]).failed(2, "BACKUP-FILE");
    assert!(!scene.state().exists(), "looking makes nothing");
    scene.sync(&[]);
    let made = back_up(&scene, &[]);
    assert_eq!(made.exit, 0, "{made}");
    let (before, whole) = (versions(&scene), fs::read(file(&scene)).unwrap());
    let kept = scene.folder().join("kept");
    fs::rename(scene.state(), &kept).unwrap();

    fs::write(file(&scene), &whole[..whole.len() - 20]).unwrap();
    restore(&scene).failed(2, "BACKUP-DAMAGED");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    fs::write(file(&scene), flipped).unwrap();
    restore(&scene).failed(2, "BACKUP-DAMAGED");
    assert!(!scene.state().exists(), "nothing is made of it");
    fs::write(file(&scene), whole).unwrap();
    // It does not go beside another key than its own, which it names.
    fs::create_dir_all(scene.state()).unwrap();
    fs::write(scene.state().join("key"), format!("{}\n", "7".repeat(64))).unwrap();
    let key = key_id(&fs::read(kept.join("key")).unwrap());
    restore(&scene).failed(2, "RESTORE-EXISTS").naming("another key").naming(&key);
    assert!(!scene.state().join("log").exists());
    fs::remove_file(scene.state().join("key")).unwrap();
    assert_eq!(restore(&scene).exit, 0);
    scene.run("sync", &[]).failed(2, "STATE-KEY");
    fs::copy(kept.join("key"), scene.state().join("key")).unwrap();
    let again = scene.sync(&[]);
    assert_eq!(versions(&scene), before, "{again}");
    assert_eq!(scene.run("diff", &[]).exit, 0);

    // Where there is no room for the log, no key is put either.
    assert_eq!(back_up(&scene, &["--with-key"]).exit, 0);
    fs::remove_file(scene.state().join("key")).unwrap();
    restore(&scene).failed(2, "RESTORE-EXISTS");
    assert!(!scene.state().join("key").exists());
    // Another key than the one in the backup is not written over, nor is the log made.
    fs::remove_dir_all(scene.state().join("log")).unwrap();
    fs::write(scene.state().join("key"), format!("{}\n", "7".repeat(64))).unwrap();
    restore(&scene).failed(2, "RESTORE-EXISTS").naming("another key");
    assert!(!scene.state().join("log").exists());
}

/// A process; killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_log_of_a_platform_moves_to_nats_and_back() {
    let scene = Scene::new();
    let first = scene.repository.commit(&shop::FILES);
    let platform = Platform::up(&scene, &[]).await;
    platform.in_sync_at(&first).await;
    assert_eq!(platform.stop(), 0);
    let before = versions(&scene);
    assert_eq!(back_up(&scene, &[]).exit, 0);
    let (url, server) = apart::server(scene.folder());
    let _server = Running(server);
    let to = file(&scene).display().to_string();
    let moved = async || {
        let mut run = scene.bare();
        run.args(["restore", "--from", &to, "--nats", &url]);
        let told = told(run);
        // The server is not up at once.
        (!told.err.contains("LOG-CONNECT")).then_some(told)
    };
    let moved = eventually(BOUND, "the server", moved).await;
    assert_eq!(moved.exit, 0, "{moved}");

    let key = scene.state().join("key").display().to_string();
    let platform = Platform::up(&scene, &["--nats", &url, "--key", &key]).await;
    evaluated(&platform).await;
    let green = shop::CONFIG.replace("blue", "green");
    let second = scene.repository.commit(&[("deploy/config.yaml", &green)]);
    assert_eq!(platform.ask(&["sync", &scene.name]).exit, 0);
    platform.in_sync_at(&second).await;
    assert_eq!(versions(&scene)[1..], before[1..]);
    assert_eq!(platform.stop(), 0);

    let mut run = scene.bare();
    run.args(["backup", "--to", &to, "--nats", &url]);
    let made = told(run);
    assert_eq!(made.exit, 0, "{made}");
    let log = scene.state().join("log");
    let original = scene.state().join("original");
    fs::rename(&log, &original).unwrap();
    let before = versions(&scene);
    assert_eq!(restore(&scene).exit, 0);
    let platform = Platform::up(&scene, &[]).await;
    platform.in_sync_at(&second).await;
    evaluated(&platform).await;
    assert_eq!(versions(&scene), before);
    assert_eq!(platform.stop(), 0);

    // Neither of the two that it came from has the cluster any more.
    scene.repository.commit(&[("deploy/config.yaml", &shop::CONFIG.replace("blue", "red"))]);
    let platform = Platform::up(&scene, &["--nats", &url, "--key", &key]).await;
    platform.until("its word", |it| it["problem"]["code"] == "CUSTODY-OTHER-COPY").await;
    assert_eq!(platform.stop(), 0);
    fs::remove_dir_all(&log).unwrap();
    fs::rename(&original, &log).unwrap();
    let platform = Platform::up(&scene, &[]).await;
    platform.until("its word", |it| it["problem"]["code"] == "CUSTODY-OTHER-COPY").await;
    assert_eq!(platform.stop(), 0);
    assert_eq!(versions(&scene), before);
}
