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

/// What one call of cargo prints, and how it ends.
type Call = (String, i32);

/// What a copy of the command says, in a folder where nothing is to be installed, with a cargo of these calls.
fn said(name: &str, calls: &[Call]) -> (Vec<String>, Option<i32>) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("run-{name}"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let _ = fs::remove_dir_all(&folder);
    script(&folder.join("tests/tools/install"), "if [ \"$1\" = --path ]; then echo \"$PWD/tools/bin\"; fi");
    let mut cargo = "echo \"$*\" >>$0.calls\ncase $(wc -l <$0.calls) in\n".to_owned();
    for (i, (printed, exit)) in calls.iter().enumerate() {
        cargo += &format!("{}) cat <<'END'\n{printed}\nEND\nexit {exit} ;;\n", i + 1);
    }
    script(&folder.join("bin/cargo"), &(cargo + "*) exit 99\nesac"));
    fs::copy(root.join("tests/run"), folder.join("tests/run")).unwrap();
    let path = format!("{}:{}", folder.join("bin").display(), env::var("PATH").unwrap());
    let output = Command::new(folder.join("tests/run")).env("PATH", path).output().unwrap();
    let made = fs::read_to_string(folder.join("bin/cargo.calls")).unwrap().lines().count();
    assert_eq!(made, calls.len(), "{name}: calls of cargo");
    (String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect(), output.status.code())
}

fn last_line(name: &str, calls: &[Call]) -> (String, Option<i32>) {
    let (lines, exit) = said(name, calls);
    (lines.last().cloned().unwrap_or_default(), exit)
}

fn line(passed: u32, failed: u32, skipped: u32) -> String {
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

/// The end of a test binary in which these failed.
fn ended(passed: usize, failed: &[&str]) -> String {
    let list: String = failed.iter().map(|name| format!("    {name}\n")).collect();
    let (list, verdict) =
        if list.is_empty() { (list, "ok") } else { (format!("failures:\n{list}\n"), "FAILED") };
    format!(
        "{list}test result: {verdict}. {passed} passed; {} failed; 1 ignored; 0 measured; 3 filtered out; \
         finished in 0.01s",
        failed.len()
    )
}

#[test]
fn the_last_line_sums_up_all_that_ran() {
    let good = ended(12, &[]);
    assert_eq!(last_line("good", &[(format!("{good}\n{good}\nnoise"), 0)]), (line(24, 0, 2), Some(0)));
    let bad = ended(3, &["a", "b", "c"]);
    assert_eq!(last_line("bad", &[(format!("{good}\n{bad}"), 101)]), (line(15, 3, 2), Some(101)));
    // What does not build is no success, nor is a name that no test has.
    let broken = "error: could not compile".to_owned();
    assert_eq!(last_line("broken", &[(broken, 101)]), (line(0, 0, 0), Some(101)));
    assert_eq!(last_line("none", &[("running 0 tests".to_owned(), 0)]), (line(0, 0, 0), Some(1)));
}

#[test]
fn a_test_that_failed_is_run_once_more_and_named() {
    let first = (format!("{}\n{}", ended(12, &[]), ended(3, &["real::a", "b"])), 101);
    let (lines, exit) = said("unsteady", &[first.clone(), (ended(2, &[]), 0)]);
    let named = lines.iter().filter(|line| line.starts_with("unsteady")).count();
    assert_eq!((lines.last(), named, exit), (Some(&line(17, 0, 2)), 2, Some(0)), "{lines:?}");
    let again = [first.clone(), (ended(1, &["b"]), 101)];
    assert_eq!(last_line("steady", &again), (line(15, 2, 2), Some(101)));
    // A second run that did not run them shows nothing.
    let nothing = [first, (ended(1, &[]), 0)];
    assert_eq!(last_line("unfound", &nothing), (line(15, 2, 2), Some(101)));
}

#[test]
fn a_crash_and_a_documentation_test_are_not_run_once_more() {
    let crash = "  process didn't exit successfully: `target/debug/deps/real-1` (signal: 6, SIGABRT)";
    let crashed = (format!("{}\n{crash}", ended(3, &["a"])), 101);
    assert_eq!(last_line("crash", &[crashed]), (line(3, 1, 1), Some(101)));
    let page = (ended(3, &["src/lib.rs - open (line 3)"]), 101);
    assert_eq!(last_line("page", &[page]), (line(3, 1, 1), Some(101)));
}
