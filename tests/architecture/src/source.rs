//! What a rule needs to know of a Rust file: what its code mentions, its functions, its length.

use std::mem;

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, UseTree};

/// A Rust file. "Test" below means: under `#[cfg(test)]` or `#[test]`, or in a file that is for tests only.
#[derive(Debug)]
pub struct Source {
    pub path: String,
    pub mentions: Vec<Mention>,
    pub functions: Vec<Function>,
    /// String literals outside tests that look like the code of an error, with their lines.
    pub error_codes: Vec<(String, usize)>,
    /// Inline or not: `mod name`.
    pub modules: Vec<(String, usize)>,
    /// All lines but those of test items.
    pub production_lines: usize,
    /// Whether it makes the compiler warn of public items without documentation.
    pub wants_docs: bool,
    /// Whether the whole file is for tests only.
    pub is_test: bool,
}

/// A path that the code names: in an expression, a type, a `use`, or within a macro's arguments. Macros end in
/// `!`; the keyword `async` counts as a path of its own.
#[derive(Debug)]
pub struct Mention {
    pub path: String,
    pub line: usize,
    pub in_test: bool,
    /// The innermost function around it, `-` outside of any.
    pub function: String,
}

#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub line: usize,
    /// From `fn` to the closing brace.
    pub lines: usize,
    pub in_test: bool,
}

impl Mention {
    /// Whether the path is `wanted`, or ends in it at a `::`, as it does where only the start was imported.
    pub fn ends_in(&self, wanted: &str) -> bool {
        self.path.strip_suffix(wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
    }

    /// Whether the path is `wanted` or something inside it.
    pub fn starts_in(&self, wanted: &str) -> bool {
        self.path.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }
}

impl Source {
    pub fn parse(path: &str, text: &str) -> Self {
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let is_test = is_for_tests(path);
        let mut reader = Reader { in_test: is_test, function: "-".to_owned(), ..Reader::default() };
        reader.visit_file(&file);
        Self {
            path: path.to_owned(),
            mentions: reader.mentions,
            functions: reader.functions,
            error_codes: reader.error_codes,
            modules: reader.modules,
            production_lines: text.lines().count() - reader.test_lines,
            wants_docs: file.attrs.iter().any(wants_docs),
            is_test,
        }
    }
}

fn wants_docs(attribute: &Attribute) -> bool {
    attribute.path().is_ident("warn")
        && attribute.parse_args::<syn::Path>().is_ok_and(|lint| lint.is_ident("missing_docs"))
}

/// Test packages, the kit for tests, and files that a crate's tests or benchmarks are made of.
fn is_for_tests(path: &str) -> bool {
    let whole_packages = ["tests/", "loadtest/", "shared/testkit/"];
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    whole_packages.iter().any(|package| path.starts_with(package))
        || folders.split('/').any(|folder| matches!(folder, "tests" | "benches"))
        || file == "tests.rs"
}

#[derive(Default)]
struct Reader {
    mentions: Vec<Mention>,
    functions: Vec<Function>,
    error_codes: Vec<(String, usize)>,
    modules: Vec<(String, usize)>,
    test_lines: usize,
    in_test: bool,
    function: String,
}

impl Reader {
    fn mention(&mut self, path: String, at: impl Spanned) {
        let line = at.span().start().line;
        self.mentions.push(Mention { path, line, in_test: self.in_test, function: self.function.clone() });
    }

    /// Visits an item as test code if its attributes say so.
    fn item(&mut self, attributes: &[Attribute], item: impl Spanned, visit: impl FnOnce(&mut Self)) {
        let was_in_test = self.in_test;
        self.in_test |= attributes.iter().any(marks_test);
        if self.in_test && !was_in_test {
            self.test_lines += lines_of(&item);
        }
        visit(self);
        self.in_test = was_in_test;
    }

    /// Visits a function; mentions inside carry its name.
    fn function(&mut self, name: &syn::Ident, body: impl Spanned, visit: impl FnOnce(&mut Self)) {
        let (first, last) = (name.span().start().line, body.span().end().line);
        self.functions.push(Function {
            name: name.to_string(),
            line: first,
            lines: last - first + 1,
            in_test: self.in_test,
        });
        let outer = mem::replace(&mut self.function, name.to_string());
        visit(self);
        self.function = outer;
    }

    fn use_tree(&mut self, prefix: &str, tree: &UseTree) {
        let join = |name: &dyn ToString| match prefix {
            "" => name.to_string(),
            _ => format!("{prefix}::{}", name.to_string()),
        };
        match tree {
            UseTree::Path(path) => self.use_tree(&join(&path.ident), &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.use_tree(prefix, tree)),
            // `use std::fs::{self}` names `std::fs`.
            UseTree::Name(name) if name.ident == "self" => self.mention(prefix.to_owned(), name),
            UseTree::Name(name) => self.mention(join(&name.ident), name),
            UseTree::Rename(rename) => self.mention(join(&rename.ident), rename),
            UseTree::Glob(glob) => self.mention(prefix.to_owned(), glob),
        }
    }
}

impl Visit<'_> for Reader {
    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        self.modules.push((item.ident.to_string(), item.ident.span().start().line));
        self.item(&item.attrs, item, |reader| visit::visit_item_mod(reader, item));
    }

    fn visit_item_fn(&mut self, item: &syn::ItemFn) {
        self.item(&item.attrs, item, |reader| {
            reader.function(&item.sig.ident, &item.block, |reader| visit::visit_item_fn(reader, item));
        });
    }

    fn visit_item_impl(&mut self, item: &syn::ItemImpl) {
        self.item(&item.attrs, item, |reader| visit::visit_item_impl(reader, item));
    }

    fn visit_impl_item_fn(&mut self, item: &syn::ImplItemFn) {
        self.item(&item.attrs, item, |reader| {
            reader.function(&item.sig.ident, &item.block, |reader| visit::visit_impl_item_fn(reader, item));
        });
    }

    fn visit_trait_item_fn(&mut self, item: &syn::TraitItemFn) {
        self.function(&item.sig.ident, item, |reader| visit::visit_trait_item_fn(reader, item));
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.item(&item.attrs, item, |reader| reader.use_tree("", &item.tree));
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.mention(joined(path), path);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &syn::Macro) {
        self.mention(format!("{}!", joined(&call.path)), &call.path);
        // Most macros take expressions; what others hold (`select!` arms, `json!` braces) stays unseen.
        let arguments = Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        if let Ok(arguments) = call.parse_body_with(arguments) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
    }

    fn visit_lit_str(&mut self, literal: &syn::LitStr) {
        let text = literal.value();
        if !self.in_test && text.contains('-') && is_error_code(&text) {
            self.error_codes.push((text, literal.span().start().line));
        }
    }

    fn visit_expr_call(&mut self, call: &syn::ExprCall) {
        // The only codes of a single word; elsewhere a word in capitals is anything.
        if let (syn::Expr::Path(function), Some(syn::Expr::Lit(code))) = (&*call.func, call.args.first())
            && joined(&function.path) == "Problem::new"
            && let syn::Lit::Str(code) = &code.lit
            && !self.in_test
            && !code.value().contains('-')
        {
            self.error_codes.push((code.value(), code.span().start().line));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_signature(&mut self, signature: &syn::Signature) {
        if let Some(keyword) = signature.asyncness {
            self.mention("async".to_owned(), keyword);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &syn::ExprAsync) {
        self.mention("async".to_owned(), block.async_token);
        visit::visit_expr_async(self, block);
    }

    fn visit_expr_closure(&mut self, closure: &syn::ExprClosure) {
        if let Some(keyword) = closure.asyncness {
            self.mention("async".to_owned(), keyword);
        }
        visit::visit_expr_closure(self, closure);
    }
}

/// Words of capitals joined by `-`.
fn is_error_code(text: &str) -> bool {
    text.split('-').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_uppercase()))
}

fn joined(path: &syn::Path) -> String {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>().join("::")
}

fn lines_of(item: &impl Spanned) -> usize {
    let span = item.span();
    span.end().line - span.start().line + 1
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`; not `#[cfg(not(test))]`.
fn marks_test(attribute: &Attribute) -> bool {
    if let syn::Meta::List(list) = &attribute.meta {
        let condition = list.tokens.to_string();
        return list.path.is_ident("cfg") && names_test(&condition) && !condition.contains("not");
    }
    attribute.path().segments.last().is_some_and(|name| name.ident == "test")
}

fn names_test(condition: &str) -> bool {
    condition.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "test")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentioned(text: &str) -> Vec<(String, bool)> {
        let mentions = Source::parse("shared/model/src/lib.rs", text).mentions;
        mentions.into_iter().map(|mention| (mention.path, mention.in_test)).collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, bool)]) {
        let expected: Vec<_> =
            expected.iter().map(|(path, in_test)| ((*path).to_owned(), *in_test)).collect();
        assert_eq!(mentioned(text), expected);
    }

    #[test]
    fn imports_are_mentions() {
        check(
            "use std::{fs, net::{self, TcpStream as T}, env::*};",
            &[("std::fs", false), ("std::net", false), ("std::net::TcpStream", false), ("std::env", false)],
        );
    }

    #[test]
    fn calls_types_and_arguments_of_macros_are_mentions() {
        check(
            "fn f() { let _: a::B = c::d(); assert_eq!(e::f(), 1); }",
            &[("a::B", false), ("c::d", false), ("assert_eq!", false), ("e::f", false)],
        );
    }

    #[test]
    fn every_kind_of_async_is_a_mention() {
        check("async fn f() { async {}; async || {}; }", &[("async", false); 3]);
    }

    #[test]
    fn test_code_is_told_apart() {
        let text = "fn f() { a::b() }\n#[cfg(all(test, unix))]\nmod tests {\n #[tokio::test]\n fn t() { c::d() }\n}\n";
        let source = Source::parse("shared/model/src/lib.rs", text);
        let found: Vec<_> =
            source.mentions.iter().map(|m| (m.path.as_str(), m.function.as_str(), m.in_test)).collect();
        assert!(found.contains(&("a::b", "f", false)) && found.contains(&("c::d", "t", true)), "{found:?}");
        assert_eq!(source.production_lines, 1);
        assert!(mentioned("#[cfg(not(test))] fn f() { a::b() }").contains(&("a::b".to_owned(), false)));
    }

    #[test]
    fn files_for_tests_are_told_by_their_place() {
        for path in
            ["tests/cluster/src/lib.rs", "shared/bus/tests/jetstream.rs", "shared/plan/src/order/tests.rs"]
        {
            assert!(is_for_tests(path), "{path}");
        }
        assert!(!is_for_tests("shared/plan/src/contests.rs"));
    }

    #[test]
    fn a_function_is_measured_from_its_name_to_its_brace() {
        let text = "/// Long.\n#[inline]\nfn f(\n    a: u8,\n) {\n}\n";
        let functions = Source::parse("shared/model/src/lib.rs", text).functions;
        assert_eq!((functions[0].line, functions[0].lines), (3, 4));
    }
}
