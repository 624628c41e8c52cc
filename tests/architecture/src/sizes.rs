//! A file or function that outgrows these limits holds more than one idea. Tests are not counted.

use crate::{Tree, Violation};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

pub fn sizes(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for source in tree.sources.iter().filter(|source| !source.is_test) {
        if source.production_lines > FILE_LINES_MAX {
            found.push(Violation {
                rule: "file-size",
                path: source.path.clone(),
                line: 1,
                item: "-".to_owned(),
                problem: format!("{} lines, at most {FILE_LINES_MAX}", source.production_lines),
                fix: "split it by idea: a file that can be named after what it holds",
            });
        }
        for function in source.functions.iter().filter(|function| !function.in_test) {
            if function.lines > FUNCTION_LINES_MAX {
                found.push(Violation {
                    rule: "function-size",
                    path: source.path.clone(),
                    line: function.line,
                    item: function.name.clone(),
                    problem: format!(
                        "{} has {} lines, at most {FUNCTION_LINES_MAX}",
                        function.name, function.lines
                    ),
                    fix: "give its steps names of their own",
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        sizes(&Tree::of(&[(path, text)])).into_iter().map(|violation| violation.problem).collect()
    }

    const PATH: &str = "shared/plan/src/order.rs";

    #[test]
    fn a_long_file_is_found() {
        let line = "const A: u8 = 0;\n";
        assert_eq!(found(PATH, &line.repeat(601)), ["601 lines, at most 600"]);
        assert_eq!(found(PATH, &line.repeat(600)), [""; 0]);
    }

    #[test]
    fn a_long_function_is_found() {
        let function = |lines: usize| format!("fn f() {{\n{}}}\n", "g();\n".repeat(lines - 2));
        assert_eq!(found(PATH, &function(71)), ["f has 71 lines, at most 70"]);
        assert_eq!(found(PATH, &function(70)), [""; 0]);
        assert_eq!(found(PATH, &format!("impl A {{ {} }}", function(71))).len(), 1);
    }

    #[test]
    fn tests_may_be_long() {
        let tests =
            format!("#[cfg(test)]\nmod tests {{\n#[test]\nfn f() {{\n{}}}\n}}\n", "g();\n".repeat(700));
        assert_eq!(found(PATH, &tests), [""; 0]);
        assert_eq!(found("shared/plan/tests/order.rs", &"const A: u8 = 0;\n".repeat(601)), [""; 0]);
    }
}
