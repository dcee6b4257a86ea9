//! Measures of the source that a reader feels: length of functions, tuple parameters, named closures,
//! names that stand for two things, reasons in comments, wildcard arms over enums.
//!
//! A line of code is one that is not blank, a comment or part of a test. The limits may be lowered,
//! never raised; only that of all code rises with what the program can do. `cargo test --test integration measures -- --nocapture` prints the measures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::util::project;

/// Highest number of lines of code in `src/`.
const MAX_CODE: usize = 70_000;
/// Highest share of functions with a tuple among their parameters.
const MAX_TUPLES: f64 = 0.001;
/// Highest number of closures with a name per 1 000 lines of code.
const MAX_CLOSURES: f64 = 1.0;
/// Highest number of type names that are defined in two or more files.
const MAX_SHARED_NAMES: usize = 15;
/// Lines of the longest function but for one in ten, and of the longest of all.
const MAX_LENGTHS: [usize; 2] = [35, 90];
/// Lowest number of comment lines that are not documentation, per line of code.
const MIN_REASONS: f64 = 0.04;

/// Counts over `src/`, with the places of what should be rare.
#[derive(Default)]
struct Measures {
    code: usize,
    reasons: usize,
    functions: Vec<(usize, String)>,
    tuples: Vec<String>,
    closures: Vec<String>,
    types: BTreeMap<String, BTreeSet<String>>,
    enums: BTreeSet<String>,
    /// Wildcard arms, each with the enums that the other arms of its match name.
    wildcards: Vec<(String, BTreeSet<String>)>,
}

/// A visitor of one file.
struct File<'m> {
    name: &'m str,
    measures: &'m mut Measures,
}

impl File<'_> {
    fn place(&self, item: &impl Spanned) -> String {
        format!("src/{}:{}", self.name, item.span().start().line)
    }

    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let place = self.place(&signature.ident);
        let name = format!("{place} {}", signature.ident);
        let mut tokens = signature.to_token_stream();
        body.to_tokens(&mut tokens);
        self.measures.functions.push((lines(tokens).len(), name.clone()));
        let takes_tuple = signature.inputs.iter().any(|input| match input {
            syn::FnArg::Receiver(_) => false,
            syn::FnArg::Typed(typed) => is_tuple(&typed.ty),
        });
        if takes_tuple {
            self.measures.tuples.push(name);
        }
    }

    fn define(&mut self, name: &syn::Ident) {
        self.measures.types.entry(name.to_string()).or_default().insert(self.name.to_owned());
    }
}

impl<'ast> Visit<'ast> for File<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.define(&item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.define(&item.ident);
        self.measures.enums.insert(item.ident.to_string());
        visit::visit_item_enum(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.define(&item.ident);
        visit::visit_item_type(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.define(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let Some(init) = &local.init
            && matches!(*init.expr, syn::Expr::Closure(_))
        {
            let place = self.place(local);
            self.measures.closures.push(place);
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        let mut named = Enums::default();
        for arm in &expression.arms {
            named.visit_pat(&arm.pat);
        }
        for arm in &expression.arms {
            if is_wildcard(&arm.pat) {
                let place = self.place(arm);
                self.measures.wildcards.push((place, named.0.clone()));
            }
        }
        visit::visit_expr_match(self, expression);
    }
}

/// The enums whose variants patterns name.
#[derive(Default)]
struct Enums(BTreeSet<String>);

impl<'ast> Visit<'ast> for Enums {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let Some(owner) = path.segments.iter().rev().nth(1) {
            self.0.insert(owner.ident.to_string());
        }
    }
}

/// Whether a pattern matches every value and binds none.
fn is_wildcard(pattern: &syn::Pat) -> bool {
    match pattern {
        syn::Pat::Wild(_) => true,
        syn::Pat::Tuple(tuple) => tuple.elems.iter().all(is_wildcard),
        _ => false,
    }
}

fn is_tuple(kind: &syn::Type) -> bool {
    match kind {
        syn::Type::Tuple(tuple) => !tuple.elems.is_empty(),
        syn::Type::Reference(reference) => is_tuple(&reference.elem),
        syn::Type::Paren(paren) => is_tuple(&paren.elem),
        _ => false,
    }
}

/// Numbers of the lines that have a token.
fn lines(tokens: TokenStream) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                found.insert(group.span_open().start().line);
                found.insert(group.span_close().end().line);
                found.extend(lines(group.stream()));
            }
            other => found.extend(other.span().start().line..=other.span().end().line),
        }
    }
    found
}

/// Whether an item is compiled for tests alone.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.to_token_stream().to_string().contains("(test)")
    })
}

fn measure(name: &str, text: &str, measures: &mut Measures) {
    let mut parsed = syn::parse_file(text).expect("the source compiles");
    let mut tests = BTreeSet::new();
    parsed.items.retain(|item| {
        let attributes: &[syn::Attribute] = match item {
            syn::Item::Mod(module) => &module.attrs,
            syn::Item::Use(import) => &import.attrs,
            syn::Item::Fn(function) => &function.attrs,
            syn::Item::Impl(methods) => &methods.attrs,
            syn::Item::Struct(structure) => &structure.attrs,
            _ => &[],
        };
        let test = is_test(attributes);
        if test {
            let span = item.span();
            tests.extend(span.start().line..=span.end().line);
        }
        !test
    });
    let mut code = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        let documentation = line.starts_with("///") || line.starts_with("//!");
        if tests.contains(&number) || documentation || line.is_empty() {
            continue;
        }
        if line.starts_with("//") {
            measures.reasons += 1;
        } else {
            code.insert(number);
        }
    }
    measures.code += code.len();
    File { name, measures }.visit_file(&parsed);
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn measures_of_source() -> Measures {
    let root = project("src");
    let mut measures = Measures::default();
    for path in sources(&root) {
        // A file of tests has its #[cfg(test)] where it is declared.
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let name = path.strip_prefix(&root).expect("it is below src").display().to_string();
        let text = std::fs::read_to_string(&path).expect("the file is text");
        measure(&name, &text, &mut measures);
    }
    measures.functions.sort();
    measures
}

#[test]
fn the_source_keeps_its_measures() {
    let measures = measures_of_source();
    let functions = measures.functions.len();
    let at = |share: f64| measures.functions[(share * functions as f64) as usize].0;
    let per_thousand = 1000.0 * measures.closures.len() as f64 / measures.code as f64;
    let tuples = measures.tuples.len() as f64 / functions as f64;
    let reasons = measures.reasons as f64 / measures.code as f64;
    let shared: Vec<_> = measures.types.iter().filter(|(_, files)| files.len() > 1).collect();
    let wildcards: Vec<_> = measures
        .wildcards
        .iter()
        .filter(|(_, named)| named.iter().any(|name| measures.enums.contains(name)))
        .collect();
    let (longest, longest_name) = measures.functions.last().expect("there are functions");
    println!(
        "lines of code {}\nfunctions {functions}: median {}, p90 {}, longest {longest} ({longest_name})\n\
         functions with a tuple parameter {:.2} %\nnamed closures per 1 000 lines {per_thousand:.1}\n\
         type names defined in two or more files {}\nreasons in comments per line of code {reasons:.3}\n\
         wildcard arms over enums of the crate {}",
        measures.code,
        at(0.5),
        at(0.9),
        100.0 * tuples,
        shared.len(),
        wildcards.len(),
    );
    assert!(measures.code <= MAX_CODE, "{} lines of code", measures.code);
    assert!(tuples <= MAX_TUPLES, "{:#?}", measures.tuples);
    assert!(per_thousand <= MAX_CLOSURES, "{:#?}", measures.closures);
    assert!(shared.len() <= MAX_SHARED_NAMES, "{shared:#?}");
    assert!(
        at(0.9) <= MAX_LENGTHS[0] && *longest <= MAX_LENGTHS[1],
        "{longest_name}: {longest} lines"
    );
    assert!(reasons >= MIN_REASONS, "{reasons}");
    assert!(wildcards.is_empty(), "{wildcards:#?}");
}
