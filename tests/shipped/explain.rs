//! The examples of docs/explain.md: each command prints what stands below it.

use super::files::root;
use std::process::Command;

/// Pairs of a command and what it prints.
fn examples(text: &str) -> Vec<(String, String)> {
    let mut examples = Vec::new();
    let mut blocks = text.split("```").skip(1).step_by(2).peekable();
    while let Some(block) = blocks.next() {
        if let Some(command) = block.strip_prefix("sh\n")
            && let Some(printed) = blocks.peek().and_then(|next| next.strip_prefix("text\n"))
        {
            examples.push((command.trim().to_owned(), printed.to_owned()));
        }
    }
    examples
}

#[test]
fn the_examples_of_the_documentation_print_what_it_says() {
    let text = std::fs::read_to_string(root().join("docs/explain.md")).unwrap();
    let examples = examples(&text);
    assert_eq!(examples.len(), 2, "an offer and a person");
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_shopbell")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    for (command, printed) in examples {
        for workers in ["1", "3"] {
            let output = Command::new("sh")
                .args(["-c", &format!("{command} --workers {workers}")])
                .env("PATH", &path)
                .current_dir(root())
                .output()
                .unwrap();
            let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
            assert!(output.status.success(), "{command}: {err}");
            assert_eq!(out, printed, "{command}");
        }
    }
}
