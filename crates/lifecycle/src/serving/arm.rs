//! A version that is served, with all that rendering it takes.

use std::sync::Arc;

use promptassay_registry::content::VersionContent;
use promptassay_registry::digest::Digest;
use promptassay_registry::memory::{RenderFailure, Rendering};
use promptassay_registry::problem::Problem;
use promptassay_registry::template::{TemplateFormat, Values};
use promptassay_registry::tree::PromptVersion;
use promptassay_registry::variables::{Interface, Variables, VariablesSpec};
use promptassay_registry::version::Version;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

/// A version that is served.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "ArmSpec")]
pub struct Arm {
    /// The version.
    pub version: Version,
    /// SHA-256 of its text.
    pub sha256: Digest,
    /// The name of its file, which says whether it is a text or a chat.
    pub file: String,
    /// The text of its file, byte for byte.
    pub text: Arc<str>,
    /// The language of its templates and its variables.
    pub interface: Arc<Interface>,
    content: VersionContent,
}

/// A version as it stands in a snapshot.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmSpec {
    version: Version,
    sha256: Digest,
    file: String,
    template_format: TemplateFormat,
    /// Not in snapshots of the format 1.
    variables: Option<VariablesSpec>,
    text: String,
}

impl Arm {
    /// A version without its prompt's files.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text. Whether the interface has the variables that it uses is not looked at.
    pub fn new(
        version: Version,
        file: String,
        text: impl Into<Arc<str>>,
        interface: Arc<Interface>,
    ) -> Result<Self, Vec<Problem>> {
        let text = text.into();
        let content = VersionContent::parse(&file, Arc::clone(&text), interface.format())?;
        Ok(Self { version, sha256: Digest::of(text.as_bytes()), file, text, interface, content })
    }

    /// A version of a prompt.
    pub(super) fn of(loaded: &PromptVersion) -> Self {
        Self {
            version: loaded.version.clone(),
            sha256: loaded.digest,
            file: loaded.form().file_name(&loaded.version),
            text: Arc::clone(&loaded.text),
            interface: Arc::clone(&loaded.interface),
            content: loaded.content.clone(),
        }
    }

    /// What the text says, parsed: of a chat, its parameters and tools too.
    pub fn content(&self) -> &VersionContent {
        &self.content
    }

    /// Adds defaults, checks the values and inserts them, as the version of the prompt would. Pure and quick: nothing is read.
    ///
    /// # Errors
    ///
    /// Values are missing or do not fit, all of them; or the template does not work with them.
    pub fn render(&self, values: &Values) -> Result<Rendering, RenderFailure> {
        Rendering::of(&self.version, &self.content, self.interface.variables(), values)
    }
}

/// As a snapshot has it.
impl Serialize for Arm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Arm", 6)?;
        fields.serialize_field("version", &self.version)?;
        fields.serialize_field("sha256", &self.sha256)?;
        fields.serialize_field("file", &self.file)?;
        fields.serialize_field("template_format", &self.interface.format())?;
        fields.serialize_field("variables", self.interface.variables())?;
        fields.serialize_field("text", &*self.text)?;
        fields.end()
    }
}

impl TryFrom<ArmSpec> for Arm {
    type Error = String;

    fn try_from(spec: ArmSpec) -> Result<Self, String> {
        let ArmSpec { version, sha256, file, template_format: format, variables, text } = spec;
        let text: Arc<str> = text.into();
        let content = VersionContent::parse(&file, Arc::clone(&text), format).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
            problems.join("; ")
        })?;
        let variables = match variables {
            // What is declared is judged where the prompt is kept, whose later versions may be in the other format. Jinja refuses least.
            Some(declared) => declared.validate(TemplateFormat::Jinja).map_err(|problems| {
                let problems: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
                format!("the variables of {version}: {}", problems.join("; "))
            })?,
            None => Variables::inferred(format, content.variables()),
        };
        // Whether the digest is that of the text is for whoever reads the snapshot.
        let interface = Arc::new(Interface::new(format, variables));
        Ok(Self { version, sha256, file, text, interface, content })
    }
}
