//! Append only: what the crate lets others do, read from its sources.

use std::{fs, path::Path};

use syn::{Attribute, ImplItem, Item, Visibility, visit::Visit};

/// Everything public that takes part in writing: whatever else is public only reads or judges.
const WRITING: [&str; 3] = ["Ledger::append", "Ledger::sign_checkpoint", "View::publish"];

/// No public function has such a word in its name.
const FORBIDDEN: [&str; 20] = [
    "remove", "delete", "edit", "truncate", "put", "insert", "update", "replace", "set", "write", "clear",
    "pop", "drain", "retain", "purge", "prune", "drop", "rewrite", "restore", "mut",
];

/// Calls by which redb takes rows away or goes back to an older state.
const TAKING: [&str; 14] = [
    "remove",
    "remove_all",
    "delete_table",
    "delete_multimap_table",
    "rename_table",
    "pop_first",
    "pop_last",
    "drain",
    "drain_filter",
    "retain",
    "retain_in",
    "extract_if",
    "extract_from_if",
    "restore_savepoint",
];

/// Files that are compiled for tests alone.
const TESTS: [&str; 3] = ["broken_rows.rs", "failing_disk.rs", "flipped_bytes.rs"];

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// The public functions, with the type that they belong to, and all method calls, without tests.
#[derive(Default)]
struct Surface {
    public: Vec<(String, bool)>,
    calls: Vec<String>,
    /// Files with a call of `insert`.
    inserting: Vec<String>,
}

impl<'ast> Visit<'ast> for Surface {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes: &[Attribute] = if let Item::Mod(module) = item { &module.attrs } else { &[] };
        if is_test(attributes) {
            return;
        }
        if let Item::Impl(block) = item {
            let of =
                if let syn::Type::Path(path) = &*block.self_ty { path.path.segments.last() } else { None };
            let of = of.map(|segment| segment.ident.to_string()).unwrap_or_default();
            for member in &block.items {
                if let ImplItem::Fn(function) = member
                    && matches!(function.vis, Visibility::Public(_))
                {
                    let by_mut = function.sig.receiver().is_some_and(|this| this.mutability.is_some());
                    self.public.push((format!("{of}::{}", function.sig.ident), by_mut));
                }
            }
        }
        if let Item::Fn(function) = item
            && matches!(function.vis, Visibility::Public(_))
        {
            self.public.push((function.sig.ident.to_string(), false));
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.calls.push(call.method.to_string());
        syn::visit::visit_expr_method_call(self, call);
    }
}

fn read(folder: &Path, surface: &mut Surface) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, surface);
        } else if !TESTS.iter().any(|test| path.ends_with(test)) {
            let before = surface.calls.len();
            surface.visit_file(&syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap());
            if surface.calls[before..].iter().any(|call| call == "insert") {
                surface.inserting.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
}

fn surface() -> Surface {
    let mut surface = Surface::default();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut surface);
    surface
}

#[test]
fn nothing_public_changes_or_removes_an_entry() {
    let public = surface().public;
    assert!(public.len() > 30, "the sources were not read: {public:?}");
    for (name, by_mut) in &public {
        let words: Vec<&str> = name.rsplit("::").next().unwrap().split('_').collect();
        assert!(!words.iter().any(|word| FORBIDDEN.contains(word)), "{name}");
        assert!(!by_mut, "{name} changes what it is called on");
    }
    for writing in WRITING {
        assert!(public.iter().any(|(name, _)| name == writing), "{writing}");
    }
    let of_ledger: Vec<&str> =
        public.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("Ledger::")).collect();
    assert_eq!(of_ledger, ["Ledger::open", "Ledger::append", "Ledger::sign_checkpoint", "Ledger::view"]);
}

#[test]
fn nothing_inside_takes_a_row_away() {
    let calls = surface().calls;
    assert!(calls.iter().any(|call| call == "insert"), "the sources were not read");
    let taking: Vec<_> = calls.iter().filter(|call| TAKING.contains(&call.as_str())).collect();
    assert!(taking.is_empty(), "{taking:?}");
}

/// Rows are written by one function that fails where a row is already; the others write what sums entries up, and facts
/// of the file.
#[test]
fn nothing_inside_overwrites_a_row_of_an_entry() {
    let mut inserting = surface().inserting;
    inserting.sort();
    // In append.rs it is a set in memory.
    assert_eq!(inserting, ["append.rs", "file.rs", "layout.rs", "span.rs", "times.rs"]);
}
