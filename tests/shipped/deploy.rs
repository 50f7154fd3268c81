//! What is under `deploy/` fits the program: options, variables, configuration, hosts, rules.

use super::files::{root, rules_of};
use crate::recovery::SHOPBELL;
use shopbell::cluster::read_hosts;
use shopbell::config::{Config, SecretReference};
use std::process::Command;

fn text(file: &str) -> String {
    std::fs::read_to_string(root().join("deploy").join(file))
        .unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn help() -> String {
    let help = Command::new(SHOPBELL).args(["run", "--help"]).output().unwrap();
    String::from_utf8(help.stdout).unwrap()
}

/// The options and variables of our own that a file names.
fn named(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    words
        .filter(|word| word.starts_with("--") && word.len() > 2 || word.starts_with("SHOPBELL_PROCESS"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn options_and_variables_are_those_of_the_program() {
    let help = help();
    for file in ["systemd/shopbell.service", "systemd/shopbell@.service", "kubernetes/statefulset.yaml"] {
        let lines = text(file);
        let commands = lines.lines().filter(|line| !line.trim_start().starts_with('#'));
        let named: Vec<String> = commands.flat_map(named).collect();
        assert!(named.len() >= 2, "{file}: {named:?}");
        for name in named {
            assert!(help.contains(&name), "{file} names {name}, which `shopbell run --help` does not");
        }
    }
}

#[test]
fn what_kubernetes_gives_the_processes_is_right() {
    let folder = root().join("deploy/kubernetes");
    let config = Config::load(&folder.join("shopbell.toml")).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert!(config.state.is_some());
    assert!(!rules_of(&folder.join("rules")).rules.is_empty());

    let set = text("kubernetes/statefulset.yaml");
    let replicas: usize = set.split("replicas: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    assert_eq!(read_hosts(&folder.join("hosts"), replicas).unwrap().len(), replicas);
    assert!(read_hosts(&folder.join("hosts"), replicas + 1).is_err(), "a line for each pod, and no more");
    assert!(set.contains(&format!("{{ name: SHOPBELL_PROCESSES, value: \"{replicas}\" }}")));

    let Some(SecretReference::Environment(secret)) = config.cluster.secret else { panic!("no secret") };
    assert!(set.contains(&format!("name: {secret}\n")));
    let Some(SecretReference::Environment(token)) = config.http.admin_token else { panic!("no token") };
    assert!(set.contains(&format!("name: {token}\n")));
    let mounted = |path: &str| set.contains(&format!("mountPath: {path} }}"));
    assert!(mounted(config.engine.rules.unwrap().to_str().unwrap()));
    assert!(mounted(config.state.unwrap().folder.parent().unwrap().to_str().unwrap()));
    let port = config.http.listen.unwrap().port();
    assert!(set.contains(&format!("{{ name: http, containerPort: {port} }}")));
    let hosts = text("kubernetes/hosts");
    let ports: Vec<&str> = hosts.lines().filter_map(|host| Some(host.rsplit_once(':')?.1)).collect();
    assert!(ports.iter().all(|port| set.contains(&format!("{{ name: cluster, containerPort: {port} }}"))));
}
