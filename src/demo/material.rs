//! The files of a demo: those inside the program, or edited ones.
//!
//! Invariant: what [`write`] writes is what [`Material::embedded`] holds, byte for byte, so an edited
//! copy starts from the truth.

use std::path::{Path, PathBuf};
use thiserror::Error;

macro_rules! embedded {
    ($path:literal) => {
        ($path, include_str!(concat!("../../config/demo/", $path)))
    };
}

const CONFIG: (&str, &str) = embedded!("shopbell.toml");
const EVENTS: (&str, &str) = embedded!("events.jsonl");
const STORY: (&str, &str) = embedded!("story.toml");
const RULES: [(&str, &str); 2] = [embedded!("rules/shop.toml"), embedded!("rules/wishes.toml")];

/// The texts a demo is made of.
#[derive(Clone, Debug)]
pub struct Material {
    /// Name and text of the configuration.
    pub config: (String, String),
    /// Name and text of each rule file.
    pub rules: Vec<(String, String)>,
    /// One event a line, in log order.
    pub events: String,
    /// Name and text of the story.
    pub story: (String, String),
}

impl Material {
    /// The files inside the program.
    pub fn embedded() -> Self {
        let owned = |(name, text): (&str, &str)| (format!("demo/{name}"), text.to_owned());
        Material {
            config: owned(CONFIG),
            rules: RULES.map(owned).to_vec(),
            events: EVENTS.1.to_owned(),
            story: owned(STORY),
        }
    }
}

/// Why files of a demo cannot be written.
#[derive(Debug, Error)]
pub enum MaterialError {
    /// The folder holds such a file already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The system says no.
    #[error("{} cannot be written: {error}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl MaterialError {
    /// Stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            MaterialError::Exists(_) => "demo-exists",
            MaterialError::Write { .. } => "demo-write",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            MaterialError::Exists(_) => "nothing was written; give another folder, or remove that file",
            MaterialError::Write { .. } => "check the path and who may write there",
        }
    }
}

/// Writes the files inside the program to a folder; nothing at all where one of them exists.
pub fn write(folder: &Path) -> Result<Vec<PathBuf>, MaterialError> {
    let files: Vec<(PathBuf, &str)> = [CONFIG, EVENTS, STORY]
        .into_iter()
        .chain(RULES)
        .map(|(name, text)| (folder.join(name), text))
        .collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(MaterialError::Exists(path.clone()));
    }
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |error| MaterialError::Write { path, error }
    };
    let rules = folder.join("rules");
    std::fs::create_dir_all(&rules).map_err(cannot(&rules))?;
    for (path, text) in &files {
        std::fs::write(path, text).map_err(cannot(path))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
