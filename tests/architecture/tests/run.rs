//! `tests/run` ends with one line that says how it went, whatever cargo said before.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

fn script(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A copy of the command in a folder where nothing is to be installed, with a cargo that prints this and ends so.
fn last_line(name: &str, printed: &str, exit: i32) -> (String, Option<i32>) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("run-{name}"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    script(&folder.join("tests/tools/install"), "if [ \"$1\" = --path ]; then echo \"$PWD/tools/bin\"; fi");
    script(&folder.join("bin/cargo"), &format!("cat <<'END'\n{printed}\nEND\nexit {exit}"));
    fs::copy(root.join("tests/run"), folder.join("tests/run")).unwrap();
    let path = format!("{}:{}", folder.join("bin").display(), env::var("PATH").unwrap());
    let output = Command::new(folder.join("tests/run")).env("PATH", path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().last().unwrap_or_default().to_owned(), output.status.code())
}

#[test]
fn the_last_line_sums_up_all_that_ran() {
    let good =
        "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";
    let bad =
        "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s";
    let line = |passed, failed, skipped| format!("{passed} passed, {failed} failed, {skipped} skipped");
    assert_eq!(last_line("good", &format!("{good}\n{good}\nnoise"), 0), (line(24, 0, 2), Some(0)));
    assert_eq!(last_line("bad", &format!("{good}\n{bad}"), 101), (line(15, 2, 1), Some(101)));
    // What does not build is no success, nor is a name that no test has.
    assert_eq!(last_line("broken", "error: could not compile", 101), (line(0, 0, 0), Some(101)));
    assert_eq!(last_line("none", "running 0 tests", 0), (line(0, 0, 0), Some(1)));
}
