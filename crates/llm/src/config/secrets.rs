//! What is a secret by its name, or by its look: one rule for headers, for addresses, for what is added to bodies and for the words of
//! programs. What is wrongly refused stops somebody, what is wrongly let through is printed: so names are read by their words, and
//! values by their form.

mod text;
mod vocabulary;

use reqwest::Url;

pub(super) use text::is_placeholder;
use text::{assigns_a_secret, has_credentials};
use vocabulary::beginning_of_a_key;
pub(super) use vocabulary::names_a_secret;

/// Names that are one of a secret where nothing is around them.
const BARE: [&str; 6] = ["auth", "bearer", "key", "pass", "pwd", "token"];

/// Parts of the names of headers that give one away.
const PARTS_OF_HEADERS: [&str; 11] = [
    "api-key",
    "apikey",
    "api_key",
    "token",
    "secret",
    "passw",
    "credential",
    "authorization",
    "jwt",
    "protection-bypass",
    "signature",
];

/// What stands between the words of a text.
const BETWEEN: &str = "\"'`=,;()<>[]{}";

/// A key within a text is this long.
const LONG: usize = 20;

/// Letters and digits that are no key are not as long as this without anything between them.
const VERY_LONG: usize = 32;

/// Words behind `Bearer` that speak of tokens and are none.
const WORDS_BEHIND_BEARER: [&str; 5] = ["auth", "authentication", "authorization", "token", "tokens"];

/// Words before what proves who one is, beside `Bearer` and `Basic`.
const SCHEMES: [&str; 11] = [
    "api-key",
    "api_key",
    "apikey",
    "bot",
    "digest",
    "geniekey",
    "key",
    "oauth",
    "sharedkey",
    "splunk",
    "token",
];

/// Those of them with which no sentence begins.
const SCHEMES_ALONE: [&str; 5] = ["api-key", "api_key", "apikey", "geniekey", "sharedkey"];

/// What is written where a secret may be, and is none: how one proves who one is, and what is switched.
const WORDS_OF_SETTINGS: [&str; 24] = [
    "anonymous",
    "anything",
    "api-key",
    "api_key",
    "apikey",
    "auto",
    "basic",
    "bearer",
    "default",
    "digest",
    "disabled",
    "empty",
    "enabled",
    "false",
    "no",
    "none",
    "null",
    "oauth",
    "oauth2",
    "off",
    "on",
    "optional",
    "required",
    "true",
];

/// A text that is shorter is no key, where a name that may be another thing is all that speaks for one.
const SHORTEST: usize = 4;

/// Whether a name is that of a secret where nobody else chose it, as people choose those of metadata.
pub(super) fn is_bare(name: &str) -> bool {
    BARE.iter().any(|bare| name.eq_ignore_ascii_case(bare))
}

/// Whether a text that stands where a secret may is one of those that are none.
pub(super) fn is_word_of_settings(text: &str) -> bool {
    WORDS_OF_SETTINGS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a text under a name such as `key` is none, because no key is so short.
pub(super) fn is_short(text: &str) -> bool {
    text.chars().count() < SHORTEST
}

/// Whether the name of a header is that of a secret. Refusing too many does no harm: each can be read from the environment.
pub(super) fn header_names_a_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    PARTS_OF_HEADERS.iter().any(|part| lower.contains(part))
        || names_a_secret(&lower)
        || is_bare(lower.strip_prefix("x-").unwrap_or(&lower))
        || lower.ends_with("-auth")
}

/// Whether the value of a header is a secret by its look. Behind words that speak of nothing else each other word is one.
pub(super) fn header_looks_like_a_secret(value: &str) -> bool {
    let mut words = value.split_whitespace();
    let is_scheme = |word: &str| SCHEMES_ALONE.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    (words.next().is_some_and(is_scheme) && words.next().is_some()) || looks_like_a_secret(value)
}

/// Whether a text is a secret by its look: it begins like one, or an address within it, a word of it or what it says of one does.
pub(super) fn looks_like_a_secret(value: &str) -> bool {
    let is_long_one = |word: &str| {
        word.len() >= LONG
            && word.contains(|letter: char| letter.is_ascii_digit())
            && beginning_of_a_key(word).is_some()
    };
    begins_like_a_secret(value)
        || value.split(|between: char| between.is_whitespace() || BETWEEN.contains(between)).any(is_long_one)
        || has_credentials(value)
        || assigns_a_secret(value)
        || addresses(value).any(|address| holds_a_secret(&address))
}

/// Whether a word is a key: it begins as keys do, or is a long one of letters and digits without order.
pub(super) fn is_key(word: &str) -> bool {
    let has = |is: fn(&u8) -> bool| word.bytes().any(|letter| is(&letter));
    let is_in_disorder = word.bytes().all(|letter| letter.is_ascii_alphanumeric())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase);
    beginning_of_a_key(word).is_some() || (word.len() >= VERY_LONG && is_in_disorder)
}

/// Whether a value is a secret by the look of its beginning.
pub(super) fn begins_like_a_secret(value: &str) -> bool {
    let Some(first) = value.split_whitespace().next() else { return false };
    let rest = value.trim_start()[first.len()..].trim();
    let is = |scheme: &str| first.eq_ignore_ascii_case(scheme);
    beginning_of_a_key(first).is_some()
        || (is("bearer") && is_bearers(rest))
        || (is("basic") && is_basic(rest))
        || (SCHEMES.into_iter().any(is) && is_of_a_scheme(rest))
}

/// A token, alone or with parameters; a sentence may begin with "Bearer" too.
fn is_bearers(behind: &str) -> bool {
    let mut words = behind.split_whitespace();
    let Some(first) = words.next() else { return false };
    let is_alone = words.next().is_none();
    let has_digit = first.contains(|letter: char| letter.is_ascii_digit());
    has_digit || behind.contains('=') || (is_alone && !is_word_behind_bearer(first))
}

fn is_word_behind_bearer(word: &str) -> bool {
    WORDS_BEHIND_BEARER.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The same behind a word that sentences rather begin with, such as "Token" and "Key".
fn is_of_a_scheme(behind: &str) -> bool {
    let Some(first) = behind.split_whitespace().next() else { return false };
    let has = |is: fn(&char) -> bool| first.chars().any(|letter| is(&letter));
    let is_mixed = has(char::is_ascii_digit) && has(char::is_ascii_alphabetic);
    first.contains('=') || (first.len() >= SHORTEST && is_mixed) || first.len() >= LONG
}

/// A user and a password in Base64, and whatever stands behind them; a sentence may begin with "Basic" too.
fn is_basic(behind: &str) -> bool {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let is_end = |letter: char| letter.is_whitespace() || ",;\"'`".contains(letter);
    let first = behind.split(is_end).next().unwrap_or_default().trim_end_matches('=');
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
    let shown = |text: &str| text.replace("%7B", "{").replace("%3C", "<");
    let has_password = url.password().is_some_and(|password| !is_placeholder(&shown(password)));
    has_password
        || beginning_of_a_key(url.username()).is_some()
        || path_holds_a_secret(url)
        || query_holds_a_secret(url)
}

/// Whether a part of the path of an address is a key.
pub(super) fn path_holds_a_secret(url: &Url) -> bool {
    url.path().split('/').any(|part| part.len() >= LONG && beginning_of_a_key(part).is_some())
}

/// Whether a parameter of an address is a secret.
pub(super) fn query_holds_a_secret(url: &Url) -> bool {
    url.query_pairs().any(|(name, value)| {
        let is_signature = ["sig", "signature"].iter().any(|word| name.eq_ignore_ascii_case(word));
        let is_named = is_signature || is_bare(&name) || names_a_secret(&name);
        !value.is_empty() && (is_named || beginning_of_a_key(&value).is_some())
    })
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
            // GitLab, Azure Functions, Cloudflare, Langfuse, Stripe; databases.
            ("private_token", true),
            ("PRIVATE-TOKEN", true),
            ("job-token", true),
            ("functions_key", true),
            ("x-functions-key", true),
            ("license_key", true),
            ("user_token", true),
            ("stripe_key", true),
            ("langfuse_secret_key", true),
            ("cf-access-client-secret", true),
            ("db_pass", true),
            ("smtp_pwd", true),
            ("passcode", true),
            ("first_pass", false),
            ("bypass", false),
            ("pwd", false),
            ("langfuse_public_key", false),
            ("primary_key", false),
            ("next_page_token", false),
            ("image_token", false),
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
            // Azure Functions, Vercel, GitLab, Google, GitHub.
            ("x-functions-key", true),
            ("x-vercel-protection-bypass", true),
            ("PRIVATE-TOKEN", true),
            ("x-pwd", true),
            ("x-goog-iap-jwt-assertion", true),
            ("x-hub-signature-256", true),
            ("x-cache-bypass", false),
            ("x-session-id", false),
            ("openai-organization", false),
            ("anthropic-beta", false),
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
            (" sk-hidden", true),
            ("sk-1234", true),
            ("sk_live_hiddenhiddenhiddenhidden", true),
            ("sk_hiddenhidden1hidden", true),
            ("rk_live_hiddenhiddenhiddenhidden", true),
            ("xoxb-1234567890-hidden", true),
            ("xai-hiddenhiddenhidden1", true),
            ("AKIAABCDEFGHIJKLMNOP", true),
            ("ASIAABCDEFGHIJKLMNOP", true),
            ("glpat-hidden-1hidden_hidden", true),
            ("nvapi-hidden-1hidden_hidden", true),
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
            ("send Authorization: Bearer hidden123", true),
            ("send Authorization: Bearer hidden", true),
            ("authorization=bearer hidden", true),
            ("curl -H 'Authorization: Bearer hidden'", true),
            ("a bearer hidden123hidden, say", true),
            ("Authorization: Basic dXNlcjpwYXNz", true),
            ("Token abc1", true),
            ("Token token=abc", true),
            ("ApiKey abc1", true),
            ("apikey aWQ6c2VjcmV0MTIz", true),
            ("OAuth ya29hidden1", true),
            ("api_key=hidden123", true),
            ("x-api-key: hidden123", true),
            ("{'api_key': 'hidden123'}", true),
            ("AccountName=a;AccountKey=hidden123", true),
            ("https://host/v1/sk-hidden-hidden-hidden", true),
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
            ("sk-", false),
            ("sk-SK", false),
            ("sk-learn", false),
            ("SK-1042", false),
            ("sk_SK", false),
            ("sk_learn", false),
            ("eyjafjalla", false),
            ("aizawa", false),
            ("xai-grok-4-fast-reasoning", false),
            ("hf_internal_testing_tiny", false),
            ("asia-southeast1-aiplatform.googleapis.com", false),
            ("asia-northeast-gpt-deployment-2026", false),
            ("the header is Authorization: Bearer <token>", false),
            ("Authorization: Bearer {token}", false),
            ("Authorization: Bearer $TOKEN", false),
            ("Authorization: Bearer YOUR_TOKEN", false),
            ("the api_key: a text, or base64", false),
            ("password: at least 8 characters", false),
            ("api_key=os.environ['KEY_1_OF_ALL']", false),
            ("access_token = get_token_2(app)", false),
            ("if api_key == abcdefgh1", false),
            ("max_tokens=4096123456", false),
            ("credentials: /run/secrets/key1", false),
            ("Token ring", false),
            ("Token limit of 4096", false),
            ("Key points", false),
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

    #[test]
    fn a_header_says_by_its_scheme_what_it_is() {
        for (value, is) in [
            ("Token abc1", true),
            ("ApiKey abc", true),
            ("Api-Key abc", true),
            ("Bearer abc", true),
            ("tokens-2025", false),
            ("token", false),
            ("Token counter", false),
            ("gzip, br", false),
            ("sk-SK,sk;q=0.9", false),
        ] {
            assert_eq!(header_looks_like_a_secret(value), is, "{value}");
        }
    }
}
