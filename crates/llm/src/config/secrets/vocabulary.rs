//! Which names are those of secrets, and how keys begin. Two crates go by it that may not know each other: one refuses secrets in
//! settings, the other stars them out of lines that are shown. So this file is there twice; a test holds that it is the same.

/// Ends of names that are a secret's whatever stands before them, parted or not (`client_secret`, `clientsecret`).
const SECRETS: [&str; 13] = [
    "apikey",
    "accesskeyid",
    "connectionstring",
    "credential",
    "credentials",
    "passcode",
    "passkey",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "secret",
    "secrets",
];

/// The same, where they are words of their own: `compat` is none.
const SECRET_WORDS: [&str; 5] = ["authorization", "cookie", "cookies", "jwt", "pat"];

/// What makes a `key` a secret; others are for caches and tables.
const OF_KEYS: [&str; 37] = [
    "access",
    "account",
    "admin",
    "aes",
    "api",
    "app",
    "application",
    "auth",
    "client",
    "consumer",
    "decryption",
    "deploy",
    "developer",
    "encryption",
    "function",
    "functions",
    "gateway",
    "hmac",
    "host",
    "integration",
    "jwt",
    "licence",
    "license",
    "master",
    "merchant",
    "partner",
    "private",
    "proxy",
    "secret",
    "security",
    "server",
    "service",
    "shared",
    "signing",
    "ssh",
    "storage",
    "subscription",
];

/// What makes a `token` a secret; others are parts of a text.
const OF_TOKENS: [&str; 45] = [
    "access",
    "account",
    "ad",
    "admin",
    "api",
    "app",
    "application",
    "auth",
    "authentication",
    "authorization",
    "bearer",
    "bot",
    "client",
    "csrf",
    "deploy",
    "developer",
    "device",
    "gateway",
    "id",
    "identity",
    "impersonation",
    "job",
    "jwt",
    "login",
    "master",
    "oauth",
    "otp",
    "personal",
    "private",
    "proxy",
    "push",
    "refresh",
    "registration",
    "runner",
    "sas",
    "secret",
    "security",
    "service",
    "session",
    "signing",
    "sso",
    "trigger",
    "user",
    "verification",
    "webhook",
];

/// What makes a `pass` or a `pwd` a secret; others are rounds and directories.
const OF_PASSES: [&str; 19] = [
    "account", "admin", "app", "auth", "basic", "database", "db", "http", "login", "mysql", "pg", "postgres",
    "proxy", "redis", "root", "service", "smtp", "ssh", "user",
];

/// Whose keys and tokens are secrets.
const SERVICES: [&str; 83] = [
    "airtable",
    "algolia",
    "anthropic",
    "anyscale",
    "asana",
    "assemblyai",
    "atlassian",
    "aws",
    "azure",
    "baseten",
    "bedrock",
    "braintrust",
    "cerebras",
    "circleci",
    "cloudflare",
    "cohere",
    "confluent",
    "dashscope",
    "databricks",
    "datadog",
    "deepgram",
    "deepinfra",
    "deepseek",
    "digitalocean",
    "discord",
    "docker",
    "elevenlabs",
    "figma",
    "firebase",
    "firecrawl",
    "fireworks",
    "gemini",
    "github",
    "gitlab",
    "google",
    "grafana",
    "groq",
    "helicone",
    "heroku",
    "hf",
    "hubspot",
    "huggingface",
    "jina",
    "jira",
    "langfuse",
    "langsmith",
    "litellm",
    "mailgun",
    "minimax",
    "mistral",
    "moonshot",
    "nebius",
    "netlify",
    "notion",
    "npm",
    "nvidia",
    "okta",
    "openai",
    "openrouter",
    "perplexity",
    "pinecone",
    "portkey",
    "posthog",
    "pypi",
    "qdrant",
    "replicate",
    "runpod",
    "sambanova",
    "sendgrid",
    "sentry",
    "serpapi",
    "shopify",
    "slack",
    "stripe",
    "supabase",
    "tavily",
    "telegram",
    "twilio",
    "vault",
    "vercel",
    "vertex",
    "wandb",
    "xai",
];

/// How keys begin that are known by it, and how many characters follow at least.
const BEGINNINGS: [(&str, usize); 8] = [
    ("sk-", 6),
    ("sk_live_", 6),
    ("sk_test_", 6),
    ("rk_live_", 6),
    ("rk_test_", 6),
    ("AIza", 6),
    ("ghp_", 6),
    ("eyJ", 7),
];

/// The same of long ones, of which digits are a part: so may something begin that is none.
const BEGINNINGS_OF_LONG: [&str; 27] = [
    "sk_",
    "rk_",
    "dckr_pat_",
    "dop_v1_",
    "github_pat_",
    "glpat-",
    "glptt-",
    "gldt-",
    "GOCSPX-",
    "hvs.",
    "lsv2_",
    "nvapi-",
    "pcsk_",
    "pypi-",
    "SG.",
    "shpat_",
    "tgp_v1_",
    "tvly-",
    "whsec_",
    "xapp-",
    "xoxa-",
    "xoxb-",
    "xoxe-",
    "xoxp-",
    "xoxr-",
    "xoxs-",
    "ya29.",
];

/// The same of long ones behind which letters and digits stand that nothing parts: `hf_internal_testing` and `xai-grok-4` are names.
const BEGINNINGS_OF_UNBROKEN: [&str; 17] = [
    "sk_", "rk_", "ABSK", "AKIA", "ASIA", "csk-", "dapi", "fw_", "gho_", "ghr_", "ghs_", "ghu_", "gsk_",
    "hf_", "npm_", "r8_", "xai-",
];

/// What follows the beginning of a long one at least.
const LONG: usize = 16;

/// Whether a name is one of a secret, wherever it stands.
pub(crate) fn names_a_secret(name: &str) -> bool {
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
        || ["pass", "pwd"].iter().any(|noun| is_of(noun, &OF_PASSES))
}

/// How long the beginning of a word is by which it is a key; `None` where it is none.
pub(crate) fn beginning_of_a_key(word: &str) -> Option<usize> {
    let part_behind = |beginning: &str, is_of_it: fn(char) -> bool| {
        let rest = word.strip_prefix(beginning)?;
        Some(&rest[..rest.find(|letter| !is_of_it(letter)).unwrap_or(rest.len())])
    };
    let of_a_key = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let has_digit = |part: &str| part.contains(|letter: char| letter.is_ascii_digit());
    let is_known = BEGINNINGS.iter().find(|(beginning, shortest)| {
        part_behind(beginning, of_a_key)
            .is_some_and(|part| (part.len() >= *shortest || has_digit(part)) && !is_slovak(word))
    });
    let is_long = BEGINNINGS_OF_LONG.iter().find(|beginning| {
        part_behind(beginning, of_a_key).is_some_and(|part| part.len() >= LONG && has_digit(part))
    });
    let is_unbroken = BEGINNINGS_OF_UNBROKEN.iter().find(|beginning| {
        part_behind(beginning, |letter| letter.is_ascii_alphanumeric()).is_some_and(|part| part.len() >= LONG)
    });
    is_known.map(|(beginning, _)| *beginning).or(is_long.or(is_unbroken).copied()).map(str::len)
}

/// Whether it is the language of Slovakia, `sk-SK`, and whatever is said of it.
fn is_slovak(word: &str) -> bool {
    let rest = word.get(..5).filter(|start| start.eq_ignore_ascii_case("sk-sk")).map(|_| &word[5..]);
    rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
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
