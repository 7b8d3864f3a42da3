//! What `extra` of a row may not take the place of: the prompt that is judged, and the model that the row names. Otherwise another one
//! would be judged than is served. Each provider has names of its own for them, as its format has.

use serde_json::{Map, Value};

use super::{ModelRow, RowProblem};
use crate::provider::Provider;

/// What a version may have beside its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionPart {
    /// The tools that the model is offered.
    Tools,
    /// The form that the answer must have.
    ResponseFormat,
}

impl ModelRow {
    /// The keys of [`ModelRow::extra`], joined by dots, that would take the place of this part of a version, where some would.
    pub fn extra_in_place_of(&self, part: VersionPart) -> Option<String> {
        let of_format = keys_of(self.provider, part).iter();
        let found = of_format
            .chain(keys_of_vllm(self.provider, part))
            .find_map(|keys| replaced(&self.extra, keys))?;
        Some(found.join("."))
    }
}

/// Adds a problem for whatever would take the place of every prompt, or of the model.
pub(super) fn refuse_prompts(provider: Provider, extra: &Map<String, Value>, problems: &mut Vec<RowProblem>) {
    let is_one =
        |key: &&String| keys_of_prompts(provider).iter().any(|of_prompt| as_one(key) == as_one(of_prompt));
    let comes_first = |key: &str| COMES_FIRST.iter().any(|earlier| as_one(key) == as_one(earlier));
    for key in extra.keys().filter(is_one) {
        let does = if comes_first(key) { "stand before" } else { "take the place of" };
        let message = format!(
            "`{key}` would {does} what a version says: another prompt would be judged than is served"
        );
        let help = "take it out: what is asked stands in the files of the prompt";
        problems.push(RowProblem::at(["extra", key], message, help));
    }
    if provider != Provider::Command && extra.contains_key("model") {
        let message = "`model` would take the place of the row's own: another model would be asked than the reports name";
        problems.push(RowProblem::at(["extra", "model"], message, "write it as `model:` of the row"));
    }
}

/// What the provider keeps of earlier requests, and puts before the messages of this one; or a gateway of its own prompts.
const COMES_FIRST: [&str; 4] = ["previous_response_id", "conversation", "cachedContent", "prompt_id"];

/// Where the format has messages and instructions, its own or of earlier requests. A program is given `extra` beside them.
fn keys_of_prompts(provider: Provider) -> &'static [&'static str] {
    match provider {
        // `prompt_id` is read by gateways that keep prompts: LiteLLM, Helicone.
        Provider::OpenAiChat => &["messages", "prompt_id"],
        Provider::OpenAiResponses => {
            &["input", "instructions", "prompt", "previous_response_id", "conversation", "prompt_id"]
        }
        Provider::Anthropic => &["messages", "system"],
        Provider::Gemini => &["contents", "systemInstruction", "cachedContent"],
        Provider::Command => &[],
    }
}

/// Where vLLM demands a form of the answer, in either format of OpenAI's that it speaks.
fn keys_of_vllm(provider: Provider, part: VersionPart) -> &'static [&'static [&'static str]] {
    match (provider, part) {
        (Provider::OpenAiChat | Provider::OpenAiResponses, VersionPart::ResponseFormat) => &[
            &["structured_outputs", "json"],
            &["structured_outputs", "json_object"],
            &["structured_outputs", "regex"],
            &["structured_outputs", "choice"],
            &["structured_outputs", "grammar"],
            &["structured_outputs", "structural_tag"],
        ],
        _ => &[],
    }
}

/// Where the format has a part of a version, also in older words of it and in those of servers that speak it. Of a form of the answer only what it demands: how strict the
/// provider is with it is the row's affair.
fn keys_of(provider: Provider, part: VersionPart) -> &'static [&'static [&'static str]] {
    match (provider, part) {
        (Provider::Command, _) => &[],
        (Provider::OpenAiChat, VersionPart::Tools) => &[&["tools"], &["functions"]],
        (_, VersionPart::Tools) => &[&["tools"]],
        (Provider::OpenAiChat, VersionPart::ResponseFormat) => &[
            &["response_format", "type"],
            &["response_format", "json_schema", "schema"],
            // What vLLM had before its structured outputs; NVIDIA NIM.
            &["guided_json"],
            &["guided_regex"],
            &["guided_choice"],
            &["guided_grammar"],
            &["structural_tag"],
            &["nvext", "guided_json"],
            &["nvext", "guided_regex"],
            &["nvext", "guided_choice"],
            &["nvext", "guided_grammar"],
            // llama.cpp, SGLang.
            &["json_schema"],
            &["grammar"],
            &["regex"],
            &["ebnf"],
        ],
        (Provider::OpenAiResponses, VersionPart::ResponseFormat) => {
            &[&["text", "format", "type"], &["text", "format", "schema"]]
        }
        (Provider::Anthropic, VersionPart::ResponseFormat) => &[
            &["output_config", "format", "type"],
            &["output_config", "format", "schema"],
            &["output_format"],
        ],
        (Provider::Gemini, VersionPart::ResponseFormat) => &[
            &["generationConfig", "responseMimeType"],
            &["generationConfig", "responseSchema"],
            &["generationConfig", "responseJsonSchema"],
        ],
    }
}

/// The keys, as they are written, that change what stands at the end of `keys` when they are laid over a body: there is something, or no
/// map on the way.
fn replaced<'a>(over: &'a Map<String, Value>, keys: &[&str]) -> Option<Vec<&'a str>> {
    let (wanted, rest) = keys.split_first()?;
    over.iter().filter(|(key, _)| as_one(key) == as_one(wanted)).find_map(|(key, value)| match value {
        Value::Object(inner) if !rest.is_empty() => {
            replaced(inner, rest).map(|found| [&[key.as_str()], found.as_slice()].concat())
        }
        _ => Some(vec![key.as_str()]),
    })
}

/// Gemini takes each of its keys as `responseSchema` and as `response_schema`.
fn as_one(key: &str) -> String {
    key.replace('_', "").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::ModelRowSpec;

    fn validated(provider: Provider, extra: &Value) -> Result<ModelRow, Vec<RowProblem>> {
        let mut spec = ModelRowSpec::new(provider, "m");
        spec.extra = extra.as_object().unwrap().clone();
        spec.command = (provider == Provider::Command).then(|| vec!["app".to_owned()]);
        spec.validate("row")
    }

    #[test]
    fn neither_the_prompt_nor_the_model_is_replaced() {
        use Provider::{Anthropic, Command, Gemini, OpenAiChat, OpenAiResponses};
        for (provider, extra, refused) in [
            (
                OpenAiChat,
                json!({"messages": [], "model": "b", "models": ["b"], "store": false}),
                &["messages", "model"][..],
            ),
            (OpenAiChat, json!({"max_completion_tokens": 5, "temperature": 1, "input": "a"}), &[]),
            (
                OpenAiResponses,
                json!({"input": "a", "instructions": "b", "prompt": {"id": "c"}}),
                &["input", "instructions", "prompt"],
            ),
            (
                OpenAiResponses,
                json!({"previous_response_id": "resp_1", "conversation": {"id": "conv_1"}, "store": true}),
                &["previous_response_id", "conversation"],
            ),
            (OpenAiChat, json!({"prompt_id": "desk", "prompt_variables": {"a": "b"}}), &["prompt_id"]),
            (OpenAiResponses, json!({"prompt_id": "desk"}), &["prompt_id"]),
            (OpenAiChat, json!({"conversation": "a", "cachedContent": "b", "prompt_cache_key": "c"}), &[]),
            (OpenAiResponses, json!({"store": false, "text": {"verbosity": "low"}}), &[]),
            (Anthropic, json!({"messages": [], "system": null, "thinking": {}}), &["messages", "system"]),
            (
                Gemini,
                json!({"contents": [], "systemInstruction": {}, "system_instruction": {}}),
                &["contents", "systemInstruction", "system_instruction"],
            ),
            (
                Gemini,
                json!({"cachedContent": "cachedContents/1", "cached_content": "cachedContents/1"}),
                &["cachedContent", "cached_content"],
            ),
            (Gemini, json!({"system_instruction": {}, "safetySettings": []}), &["system_instruction"]),
            (Command, json!({"messages": [], "model": "b", "system": "c", "input": "d"}), &[]),
        ] {
            let problems = validated(provider, &extra).err().unwrap_or_default();
            let paths: Vec<String> = problems.into_iter().map(|problem| problem.path.join(".")).collect();
            let refused: Vec<String> = refused.iter().map(|key| format!("extra.{key}")).collect();
            assert_eq!(paths, refused, "{provider}: {extra}");
        }
    }

    #[test]
    fn what_a_version_has_of_its_own_is_known_by_each_format() {
        use Provider::{Anthropic, Command, Gemini, OpenAiChat, OpenAiResponses};
        use VersionPart::{ResponseFormat, Tools};
        for (provider, part, extra, found) in [
            (OpenAiChat, Tools, json!({"tools": []}), Some("tools")),
            (OpenAiChat, Tools, json!({"functions": []}), Some("functions")),
            (OpenAiChat, Tools, json!({"tool_choice": "auto"}), None),
            (Gemini, Tools, json!({"tools": [{"googleSearch": {}}]}), Some("tools")),
            (Command, Tools, json!({"tools": ["web"]}), None),
            (
                OpenAiChat,
                ResponseFormat,
                json!({"response_format": {"type": "text"}}),
                Some("response_format.type"),
            ),
            (OpenAiChat, ResponseFormat, json!({"response_format": null}), Some("response_format")),
            (
                OpenAiChat,
                ResponseFormat,
                json!({"response_format": {"json_schema": {"schema": {}}}}),
                Some("response_format.json_schema.schema"),
            ),
            (
                OpenAiChat,
                ResponseFormat,
                json!({"response_format": {"json_schema": {"strict": false}}}),
                None,
            ),
            (OpenAiChat, ResponseFormat, json!({"guided_json": {}}), Some("guided_json")),
            (OpenAiChat, ResponseFormat, json!({"guided_choice": ["a"]}), Some("guided_choice")),
            (OpenAiChat, ResponseFormat, json!({"guided_regex": "a", "x": 1}), Some("guided_regex")),
            (OpenAiChat, ResponseFormat, json!({"guided_grammar": "a"}), Some("guided_grammar")),
            (OpenAiChat, ResponseFormat, json!({"guided_decoding_backend": "outlines"}), None),
            (
                OpenAiChat,
                ResponseFormat,
                json!({"structured_outputs": {"json": {}}}),
                Some("structured_outputs.json"),
            ),
            (
                OpenAiChat,
                ResponseFormat,
                json!({"structured_outputs": {"disable_any_whitespace": true}}),
                None,
            ),
            (OpenAiChat, ResponseFormat, json!({"nvext": {"guided_json": {}}}), Some("nvext.guided_json")),
            (OpenAiChat, ResponseFormat, json!({"nvext": {"top_k": 1}}), None),
            (OpenAiChat, ResponseFormat, json!({"grammar": "root ::= a"}), Some("grammar")),
            (OpenAiChat, ResponseFormat, json!({"json_schema": {}}), Some("json_schema")),
            (OpenAiChat, ResponseFormat, json!({"ebnf": "a"}), Some("ebnf")),
            (OpenAiChat, ResponseFormat, json!({"regex": "a"}), Some("regex")),
            (
                OpenAiResponses,
                ResponseFormat,
                json!({"structured_outputs": {"regex": "a"}}),
                Some("structured_outputs.regex"),
            ),
            (
                OpenAiResponses,
                ResponseFormat,
                json!({"text": {"format": {"type": "text"}}}),
                Some("text.format.type"),
            ),
            (OpenAiResponses, ResponseFormat, json!({"text": {"verbosity": "low"}}), None),
            (OpenAiResponses, ResponseFormat, json!({"response_format": {"type": "text"}}), None),
            (
                Anthropic,
                ResponseFormat,
                json!({"output_config": {"format": {"schema": {}}}}),
                Some("output_config.format.schema"),
            ),
            (Anthropic, ResponseFormat, json!({"output_config": {"effort": "low"}}), None),
            (
                Anthropic,
                ResponseFormat,
                json!({"output_format": {"type": "json_schema"}}),
                Some("output_format"),
            ),
            (
                Gemini,
                ResponseFormat,
                json!({"generation_config": {"candidate_count": 1, "response_schema": {}}}),
                Some("generation_config.response_schema"),
            ),
            (
                Gemini,
                ResponseFormat,
                json!({"generationConfig": {"responseMimeType": "text/plain"}}),
                Some("generationConfig.responseMimeType"),
            ),
            (Gemini, ResponseFormat, json!({"generationConfig": {"candidateCount": 1}}), None),
            (Command, ResponseFormat, json!({"response_format": {"type": "text"}}), None),
        ] {
            let row = validated(provider, &extra).unwrap();
            assert_eq!(row.extra_in_place_of(part).as_deref(), found, "{provider}: {extra}");
        }
    }
}
