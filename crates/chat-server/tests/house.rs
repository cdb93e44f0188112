//! The house keeps its own rules: the arrows between crates, what each may depend on, and how a file looks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Code lines of a file, tests and comments not counted.
const LONGEST_FILE: usize = 300;

/// Which crates of the house a crate stands on, at run time.
const ARROWS: &[(&str, &[&str])] = &[
    ("chat-domain", &[]),
    ("chat-hub", &["chat-domain"]),
    ("chat-memory", &["chat-domain"]),
    ("chat-sqlite", &["chat-domain"]),
    ("chat-postgres", &["chat-domain"]),
    ("chat-redis", &["chat-domain"]),
    ("chat-auth", &["chat-domain"]),
    ("chat-contract", &["chat-domain"]),
    ("chat-web", &["chat-domain", "chat-hub"]),
    (
        "chat-server",
        &[
            "chat-auth",
            "chat-domain",
            "chat-hub",
            "chat-memory",
            "chat-postgres",
            "chat-redis",
            "chat-sqlite",
            "chat-web",
        ],
    ),
    ("chat-testbed", &[]),
    ("chat-bench", &["chat-testbed"]),
];

/// Who alone may depend on what is not of the house.
const RESERVED: &[(&str, &[&str])] = &[
    ("actix-web", &["chat-web", "chat-server"]),
    ("actix-http", &["chat-web"]),
    ("actix-ws", &["chat-web"]),
    ("diesel", &["chat-sqlite", "chat-postgres", "chat-bench"]),
    ("diesel-async", &["chat-postgres"]),
    ("redis", &["chat-redis"]),
    ("deadpool-redis", &["chat-redis"]),
    ("jsonwebtoken", &["chat-auth"]),
    ("bcrypt", &["chat-auth"]),
    ("config", &["chat-server"]),
    ("anyhow", &["chat-server", "chat-bench"]),
    ("metrics-exporter-prometheus", &["chat-server"]),
    ("opentelemetry", &["chat-server"]),
    ("opentelemetry_sdk", &["chat-server"]),
    ("opentelemetry-proto", &["chat-server"]),
    ("tracing-opentelemetry", &["chat-server"]),
    ("hyper", &["chat-server"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Run-time dependencies of each crate of the workspace, by name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let normal = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|d| d["kind"].is_null()).map(|d| d["name"].as_str().unwrap().to_owned()).collect()
    };
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|package| (package["name"].as_str().unwrap().to_owned(), normal(package))).collect()
}

#[test]
fn the_arrows_between_crates_are_those_of_the_map() {
    let found = dependencies();
    let house: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(found.keys().map(String::as_str).collect::<BTreeSet<_>>(), house, "a crate is missing from the table");
    for (name, may) in ARROWS {
        let ours: BTreeSet<&str> = found[*name].iter().map(String::as_str).filter(|d| house.contains(d)).collect();
        let may: BTreeSet<&str> = may.iter().copied().collect();
        assert!(ours.is_subset(&may), "{name} may stand on {may:?} and stands on {ours:?}");
    }
}

#[test]
fn each_technology_lives_in_its_own_room() {
    for (name, dependencies) in dependencies() {
        for (technology, rooms) in RESERVED {
            let trespasses = dependencies.contains(*technology) && !rooms.contains(&name.as_str());
            assert!(!trespasses, "{name} depends on {technology}, which is for {rooms:?}");
        }
        if name == "chat-domain" {
            let known = [
                "async-trait",
                "bytes",
                "mockall",
                "serde",
                "sha2",
                "thiserror",
                "time",
                "unicode-normalization",
                "utoipa",
                "uuid",
            ];
            let stray: Vec<_> = dependencies.iter().filter(|d| !known.contains(&d.as_str())).collect();
            assert!(stray.is_empty(), "the domain knows no infrastructure, but {stray:?}");
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "schema.rs" {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "examples" | "fuzz")))
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "these files open without //!: {silent:?}");
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    let code = |text: &str| {
        let body = text.split("\n#[cfg(test)]").next().unwrap_or_default();
        body.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")).count()
    };
    let sources = sources().into_iter().filter(|(path, _)| !is_test(path));
    let long: Vec<_> = sources.map(|(path, text)| (code(&text), path)).filter(|(n, _)| *n > LONGEST_FILE).collect();
    assert!(long.is_empty(), "split these: {long:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let words = [concat!("to", "do!("), concat!("unimplemen", "ted!("), concat!("FIX", "ME"), concat!("#[ign", "ore]")];
    for (path, text) in sources() {
        for word in words {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn both_languages_of_the_readme_give_the_same_commands() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (russian, english) = readme.split_once("\n# Realtime Chat, in English").expect("the English half");
    let blocks = |half: &str| half.split("```").skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    assert!(!blocks(russian).is_empty());
    assert_eq!(blocks(russian), blocks(english));
}

#[test]
fn the_readme_has_the_table_of_all_settings() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let rows = chat_server::config::Settings::documented().into_iter();
    let rows = rows.map(|s| format!("| `{}` | `{}` | {} |", s.key, s.default, s.doc)).collect::<Vec<_>>();
    let table = format!("| setting | default | meaning |\n|---|---|---|\n{}\n", rows.join("\n"));
    assert!(readme.contains(&table), "the README lacks this table:\n{table}");
}

#[test]
fn the_map_names_files_that_exist() {
    let map = fs::read_to_string(root().join("crates/README.md")).unwrap();
    let named: Vec<&str> =
        map.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs") || word.ends_with(".js")).collect();
    assert!(named.len() > 10, "the map walks through real files");
    for file in named {
        assert!(root().join("crates").join(file).exists(), "the map names {file}");
    }
}

/// Names in the first column of deploy/metrics.md.
fn documented_metrics() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("deploy/metrics.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    rows.map(str::to_owned).collect()
}

#[test]
fn every_metric_is_documented_and_every_documented_one_exists() {
    let crates: BTreeSet<String> = dependencies().keys().map(|name| name.replace('-', "_")).collect();
    let is_name = |word: &&str| {
        (word.starts_with("chat_") || word.starts_with("process_"))
            && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            && !word.ends_with('_')
    };
    let mut recorded = BTreeSet::new();
    for (path, text) in sources() {
        let asks_only = path.starts_with("crates/chat-bench") || path.starts_with("crates/chat-contract");
        if is_test(&path) || asks_only {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap();
        let words = code.split('"').filter(is_name).map(str::to_owned);
        recorded.extend(words.filter(|word| !crates.contains(word)));
    }
    assert_eq!(recorded, documented_metrics(), "left: in the code; right: in deploy/metrics.md");
}

#[test]
fn the_top_level_holds_what_the_mission_lists() {
    let known = ["Cargo.toml", "Cargo.lock", "crates", "migrations", "deploy", "README.md", "justfile"];
    let made = ["target", "data", "report"];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let fine = name.starts_with('.') || known.contains(&name.as_str()) || made.contains(&name.as_str());
        assert!(fine, "{name} has no place at the top level");
    }
}
