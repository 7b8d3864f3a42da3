//! The normal form of a validator: what its digest is taken of. Two spellings of one validator agree, and comments do not matter.

use serde_json::{Value, json};

use super::{Argument, ValidatorSpec};

impl ValidatorSpec {
    /// The normal form: name, weight and sense with their defaults, and the whole argument.
    pub(crate) fn canonical(&self) -> Value {
        let default_name = || format!("{}{}", if self.negated { "not_" } else { "" }, self.check.name);
        json!({
            "check": self.check.name,
            "negated": self.negated,
            "name": self.name.clone().unwrap_or_else(default_name),
            "weight": self.weight.map_or(1.0, |weight| weight.value),
            "warn": self.warn,
            "argument": self.argument.canonical(),
        })
    }

    /// Whether a model judges.
    pub(crate) fn asks_judge(&self) -> bool {
        self.check.name == "judge"
    }
}

impl Argument {
    fn canonical(&self) -> Value {
        match self {
            Self::Text(text) => {
                json!({"value": text.value.value, "ignore_case": text.ignore_case, "word": text.word})
            }
            Self::List(list) => {
                let values: Vec<&str> = list.values.iter().map(|value| value.value.as_str()).collect();
                json!({"values": values, "ignore_case": list.ignore_case, "word": list.word})
            }
            Self::Limit(limit) => json!({"value": limit.0}),
        }
    }
}
