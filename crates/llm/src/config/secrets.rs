//! What is a secret by its name, or by its look: one rule for headers, for addresses and for what is added to bodies.
//! What is wrongly refused stops somebody, what is wrongly let through is printed: so names are read by their words, and values by their form.

use reqwest::Url;

/// Ends of names that are a secret's whatever stands before them, parted or not (`client_secret`, `clientsecret`).
const SECRETS: [&str; 11] = [
    "apikey",
    "accesskeyid",
    "connectionstring",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "secret",
    "secrets",
];

/// The same, where they are words of their own: `compat` is none.
const SECRET_WORDS: [&str; 4] = ["authorization", "cookie", "jwt", "pat"];

/// What makes a `key` a secret; others are for caches and tables.
const OF_KEYS: [&str; 14] = [
    "access",
    "account",
    "api",
    "app",
    "application",
    "auth",
    "encryption",
    "master",
    "private",
    "secret",
    "service",
    "signing",
    "ssh",
    "subscription",
];

/// What makes a `token` a secret; others are parts of a text.
const OF_TOKENS: [&str; 17] = [
    "access",
    "ad",
    "api",
    "auth",
    "authorization",
    "bearer",
    "bot",
    "client",
    "id",
    "jwt",
    "oauth",
    "refresh",
    "sas",
    "secret",
    "security",
    "service",
    "session",
];

/// Whose keys and tokens are secrets.
const SERVICES: [&str; 32] = [
    "anthropic",
    "aws",
    "azure",
    "cloudflare",
    "cohere",
    "databricks",
    "deepseek",
    "fireworks",
    "gemini",
    "github",
    "gitlab",
    "google",
    "groq",
    "helicone",
    "hf",
    "huggingface",
    "langfuse",
    "langsmith",
    "litellm",
    "mistral",
    "nvidia",
    "openai",
    "openrouter",
    "perplexity",
    "pinecone",
    "portkey",
    "replicate",
    "slack",
    "tavily",
    "vault",
    "vertex",
    "xai",
];

/// Names that are one of a secret where nothing is around them.
const BARE: [&str; 4] = ["auth", "bearer", "key", "token"];

/// Parts of the names of headers that give one away.
const PARTS_OF_HEADERS: [&str; 8] =
    ["api-key", "apikey", "api_key", "token", "secret", "password", "credential", "authorization"];

/// How keys begin.
const STARTS: [&str; 4] = ["sk-", "aiza", "ghp_", "eyj"];
/// The same of long ones: so may something short begin that is none.
const STARTS_OF_LONG: [&str; 12] = [
    "akia",
    "asia",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "gsk_",
    "hf_",
    "nvapi-",
    "xai-",
    "xoxb-",
    "xoxp-",
];
const LONG: usize = 20;

/// Words behind `Bearer` that speak of tokens and are none.
const WORDS_BEHIND_BEARER: [&str; 5] = ["auth", "authentication", "authorization", "token", "tokens"];

/// Whether a name is one of a secret, wherever it stands.
pub(super) fn names_a_secret(name: &str) -> bool {
    let words = words(name.trim_end_matches(|last: char| last.is_ascii_digit()));
    let Some((last, before)) = words.split_last() else { return false };
    let one = words.concat();
    let is_of = |noun: &str, of: &[&str]| {
        let Some(rest) = one.strip_suffix(noun) else { return false };
        let is_word = |of: &str| rest == of || (last == noun && before.last().is_some_and(|word| word == of));
        // Short ones are the ends of other words, as in `validtoken`.
        of.iter().any(|of| is_word(of) || (of.len() > 2 && rest.ends_with(of)))
    };
    SECRETS.iter().any(|secret| one.ends_with(secret))
        || SECRET_WORDS.contains(&last.as_str())
        || ["key", "keys"].iter().any(|noun| is_of(noun, &OF_KEYS) || is_of(noun, &SERVICES))
        || ["token", "tokens"].iter().any(|noun| is_of(noun, &OF_TOKENS) || is_of(noun, &SERVICES))
}

/// Whether a name is that of a secret where nobody else chose it, as people choose those of metadata.
pub(super) fn is_bare(name: &str) -> bool {
    BARE.iter().any(|bare| name.eq_ignore_ascii_case(bare))
}

/// Whether the name of a header is that of a secret. Refusing too many does no harm: each can be read from the environment.
pub(super) fn header_names_a_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    PARTS_OF_HEADERS.iter().any(|part| lower.contains(part))
        || names_a_secret(&lower)
        || is_bare(lower.strip_prefix("x-").unwrap_or(&lower))
        || lower.ends_with("-auth")
}

/// Whether a value is a secret by its look: it begins like one, or an address within it or a word of it does.
pub(super) fn looks_like_a_secret(value: &str) -> bool {
    let is_long_one = |word: &str| {
        word.len() >= LONG && word.contains(|letter: char| letter.is_ascii_digit()) && starts(word)
    };
    begins_like_a_secret(value)
        || value
            .split(|between: char| between.is_whitespace() || "\"'`=,;()<>[]{}".contains(between))
            .any(is_long_one)
        || addresses(value).any(|address| holds_a_secret(&address))
}

/// Whether a value is a secret by the look of its beginning.
pub(super) fn begins_like_a_secret(value: &str) -> bool {
    let value = value.trim();
    let behind = |scheme: &str| {
        let (first, rest) = value.split_once(char::is_whitespace)?;
        first.eq_ignore_ascii_case(scheme).then(|| rest.trim_start())
    };
    starts(value) || behind("bearer").is_some_and(is_bearers) || behind("basic").is_some_and(is_basic)
}

/// Whether a word begins as keys do.
fn starts(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let is_long = !word.contains(char::is_whitespace) && word.len() >= LONG;
    // The language of Slovakia, `sk-SK`.
    let is_language =
        word.strip_prefix("sk-sk").is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()));
    (STARTS.iter().any(|start| word.starts_with(start)) && !is_language)
        || (is_long && STARTS_OF_LONG.iter().any(|start| word.starts_with(start)))
}

/// A token, alone or with parameters; a sentence may begin with "Bearer" too.
fn is_bearers(behind: &str) -> bool {
    let mut words = behind.split_whitespace();
    let Some(first) = words.next() else { return false };
    let is_alone = words.next().is_none();
    let has_digit = first.contains(|letter: char| letter.is_ascii_digit());
    has_digit
        || behind.contains('=')
        || (is_alone && !WORDS_BEHIND_BEARER.contains(&first.to_ascii_lowercase().as_str()))
}

/// A user and a password in Base64, and whatever stands behind them; a sentence may begin with "Basic" too.
fn is_basic(behind: &str) -> bool {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let first = behind.split([' ', '\t', ',', ';']).next().unwrap_or_default().trim_end_matches('=');
    let digits: Option<Vec<usize>> = first.chars().map(|letter| DIGITS.find(letter)).collect();
    digits.is_some_and(|digits| {
        let bits: Vec<bool> =
            digits.iter().flat_map(|digit| (0..6).rev().map(move |bit| digit >> bit & 1 == 1)).collect();
        let bytes =
            bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
        let text = String::from_utf8(bytes.collect());
        text.is_ok_and(|text| text.contains(':') && !text.contains(char::is_control))
    })
}

/// The addresses in a text.
fn addresses(text: &str) -> impl Iterator<Item = Url> {
    text.match_indices("://").filter_map(|(at, _)| {
        let before = &text[..at];
        let scheme =
            before.trim_end_matches(|letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
        let address = &text[scheme.len()..];
        let end = address.find(|letter: char| letter.is_whitespace() || "\"'`<>".contains(letter));
        Url::parse(&address[..end.unwrap_or(address.len())]).ok()
    })
}

fn holds_a_secret(url: &Url) -> bool {
    url.password().is_some() || starts(url.username()) || query_holds_a_secret(url)
}

/// Whether a parameter of an address is a secret.
pub(super) fn query_holds_a_secret(url: &Url) -> bool {
    url.query_pairs().any(|(name, value)| {
        let is_signature = ["sig", "signature"].iter().any(|word| name.eq_ignore_ascii_case(word));
        !value.is_empty() && (is_signature || is_bare(&name) || names_a_secret(&name) || starts(&value))
    })
}

/// The words of a name in lower case: parted by whatever is no letter and no digit, and before a capital with which a word begins.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let letters: Vec<char> = name.chars().collect();
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| letters[before]);
        let is_behind_a_small_one = before.is_some_and(|before| before.is_lowercase() || before.is_numeric());
        let is_before_a_small_one = letters.get(index + 1).is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase()
            && (is_behind_a_small_one || (before.is_some_and(char::is_uppercase) && is_before_a_small_one));
        if begins || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_by_its_words() {
        for (name, is) in [
            ("api_key", true),
            ("openai-api-key", true),
            ("api.key", true),
            ("api key", true),
            ("apiKeys", true),
            ("APIKey", true),
            ("API_KEY_2", true),
            ("apikey", true),
            ("openaiapikey", true),
            ("openai_key", true),
            ("OpenAIKey", true),
            ("aws_access_key_id", true),
            ("aws_secret_access_key", true),
            ("aws_session_token", true),
            ("azure_ad_token", true),
            ("accesstoken", true),
            ("authorization_token", true),
            ("github_token", true),
            ("githubToken", true),
            ("HFToken", true),
            ("hf_token", true),
            ("hftoken", true),
            ("refresh_token", true),
            ("github_pat", true),
            ("clientsecret", true),
            ("clientSecret", true),
            ("dbpassword", true),
            ("vertex_credentials", true),
            ("private_key", true),
            ("connectionString", true),
            ("prompt_cache_key", false),
            ("sort_key", false),
            ("monkey", false),
            ("access_monkey", false),
            ("max_tokens", false),
            ("max_completion_tokens", false),
            ("budget_tokens", false),
            ("eos_token", false),
            ("validtoken", false),
            ("stop_token_ids", false),
            ("token_type", false),
            ("tokenizer", false),
            ("secretary", false),
            ("compat", false),
            ("author", false),
            ("safety_identifier", false),
            ("logit_bias", false),
            ("user", false),
            ("key", false),
            ("", false),
            ("12", false),
        ] {
            assert_eq!(names_a_secret(name), is, "{name}");
        }
    }

    #[test]
    fn a_header_is_one_by_less() {
        for (name, is) in [
            ("Authorization", true),
            ("cookie", true),
            ("set-cookie", true),
            ("X-Api-Key", true),
            ("x-token", true),
            ("token", true),
            ("x-auth", true),
            ("Helicone-Auth", true),
            ("x-key", true),
            ("x-openai-key", true),
            ("idempotency-key", false),
            ("x-author", false),
            ("x-cookie-consent", false),
            ("x-portkey-provider", false),
            ("http-referer", false),
        ] {
            assert_eq!(header_names_a_secret(name), is, "{name}");
        }
    }

    #[test]
    fn a_value_is_read_by_its_form() {
        for (value, is) in [
            ("sk-hidden", true),
            (" SK-hidden", true),
            ("AIzaHidden", true),
            ("ghp_hidden", true),
            ("hf_hiddenhiddenhiddenhidden", true),
            ("eyJhbGciOi", true),
            ("token ghp_hidden1hidden1hidden1", true),
            ("use key=sk-proj-hidden1hidden1 here", true),
            ("Bearer hidden", true),
            ("bearer  hidden", true),
            ("Bearer abc, scope=x", true),
            ("Bearer abc1 and more", true),
            ("Basic dXNlcjpwYXNz", true),
            ("Basic dXNlcjpwYXNz realm", true),
            ("basic dXNlcjpwYXNzMQ==, realm=x", true),
            ("https://me:hidden@host/v1", true),
            ("https://ghp_hidden@host", true),
            ("use https://u:p@h/x, please", true),
            ("see (https://host/?a=1&Token=hidden)", true),
            ("HTTPS://host/?SIG=hidden", true),
            ("https://host/?openai_key=hidden", true),
            ("postgres+x://u:p@h/db", true),
            ("", false),
            ("sk-SK", false),
            ("sk-SK,sk;q=0.9", false),
            ("hf_model", false),
            ("Bearer", false),
            ("Bearer of news", false),
            ("Bearer token", false),
            ("bearer", false),
            ("Basic plan", false),
            ("Basic id", false),
            ("Basic customers get short answers", false),
            ("Basic", false),
            ("https://example.com/a?page=2", false),
            ("https://me@example.com", false),
            ("https://example.com/?token=", false),
            ("mail me@example.com: now", false),
            ("what is ://?", false),
        ] {
            assert_eq!(looks_like_a_secret(value), is, "{value}");
        }
    }
}
