//! `driftless demo`, and the picture of it in docs/.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::scene::{Scene, told};

/// `DRIFTLESS_REWRITE=1` writes it anew.
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/demo.svg");

#[test]
fn the_demo_tells_its_story_and_the_picture_shows_it() {
    let scene = Scene::new();
    let mut demo = scene.bare();
    // It needs nothing that is installed but Git.
    let programs = scene.programs(&["git", "git-upload-pack", "sh"]);
    demo.arg("demo").env_remove("DRIFTLESS_TOOLS_BIN").env("CLICOLOR_FORCE", "1").env("PATH", programs);
    let began = Instant::now();
    let told = told(demo);
    assert_eq!(told.exit, 0, "{told}");
    // Three seconds of it are usual; the bound is what is promised, on machines that do other things too.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let picture = svg(&told.out);
    if std::env::var_os("DRIFTLESS_REWRITE").is_some() {
        fs::write(PICTURE, &picture).unwrap();
    }
    let there = fs::read_to_string(Path::new(PICTURE)).unwrap();
    assert_eq!(story(&there), story(&picture), "write it anew with DRIFTLESS_REWRITE=1");
    assert!(told.out.contains("healed") && told.out.contains("GUARD-SHARE"), "{told}");
}

/// Nothing of it is a matter of course: where a step does not happen the story ends, and says why.
#[test]
fn a_demo_whose_repository_cannot_be_read_fails_and_says_why() {
    let scene = Scene::new();
    let mut demo = scene.bare();
    demo.arg("demo").env("PATH", scene.programs(&[]));
    let told = told(demo);
    told.failed(1, "GIT-MISSING").naming("git");
    assert!(!told.out.contains("in sync"), "{told}");
}

#[test]
fn a_demo_that_is_kept_answers_until_it_is_stopped() {
    let scene = Scene::new();
    let mut demo = scene.bare();
    demo.args(["demo", "--keep", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = demo.spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let address = lines.find_map(|line| line.split_once("Ctrl-C: ").map(|(_, address)| address.to_owned()));
    let server = address.unwrap();
    let mut status = scene.bare();
    status.args(["status", "--server", &server]);
    let status = told(status);
    assert_eq!(status.out.matches("InSync").count(), 3, "{status}");
    let stopped = Command::new("kill").arg(demo.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}

/// The chapters whose words are the same in every run, without commits and times. How many events tell of two edits,
/// which the last one lists, is a matter of microseconds.
fn story(picture: &str) -> String {
    let told = picture.split("Who changed what").next().unwrap();
    let words = told.lines().skip(2).flat_map(|line| line.split_inclusive([' ', '(', ')', '>', '<', '"']));
    let varies = |word: &str| {
        let bare = word.trim_end_matches([' ', '(', ')', '>', '<', '"']);
        let commit = bare.len() == 8 && bare.chars().all(|c| c.is_ascii_hexdigit());
        commit || bare.parse::<f32>().is_ok_and(|_| bare.contains('.'))
    };
    words.map(|word| if varies(word) { "…" } else { word }).collect()
}

/// A terminal with that output. Source: ECMA-48, select graphic rendition.
fn svg(output: &str) -> String {
    const LINE: usize = 18;
    const COLUMN: f32 = 7.85;
    let lines: Vec<&str> = output.lines().collect();
    let columns = lines.iter().map(|line| plain(line).chars().count()).max().unwrap();
    let (width, height) = ((columns as f32 * COLUMN) as usize + 40, lines.len() * LINE + 40);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, \
         SFMono-Regular, Menlo, Consolas, monospace\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" \
         fill=\"#0d1117\"/>\n"
    );
    for (i, line) in lines.iter().enumerate() {
        let y = 30 + i * LINE;
        svg.push_str(&format!(
            "<text x=\"20\" y=\"{y}\" xml:space=\"preserve\" fill=\"#e6edf3\">{}</text>\n",
            spans(line)
        ));
    }
    svg.push_str("</svg>\n");
    svg
}

fn plain(line: &str) -> String {
    line.split('\x1b')
        .map(|part| part.split_once('m').filter(|_| part.starts_with('[')).map_or(part, |(_, text)| text))
        .collect()
}

fn spans(line: &str) -> String {
    let mut spans = String::new();
    for part in line.split('\x1b') {
        let (code, text) = match part.strip_prefix('[').and_then(|rest| rest.split_once('m')) {
            Some((code, text)) => (code, text),
            None => ("0", part),
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let style = match code {
            "1" => "font-weight=\"bold\"",
            "2" => "fill=\"#8b949e\"",
            "31" => "fill=\"#ff7b72\"",
            "32" => "fill=\"#3fb950\"",
            "33" => "fill=\"#d29922\"",
            _ => "",
        };
        match (style, text.as_str()) {
            (_, "") => {}
            ("", text) => spans.push_str(text),
            (style, text) => spans.push_str(&format!("<tspan {style}>{text}</tspan>")),
        }
    }
    spans
}
