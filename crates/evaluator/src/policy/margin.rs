//! By how much a candidate may be worse than its baseline and still pass: a number, or one that fits the size of the suite.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The fewest units that `auto` has a margin for.
const FEWEST_UNITS: u64 = 20;

/// A margin as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Margin {
    /// None: the comparison is information, and the pass rate decides.
    None,
    /// One that fits the number of units.
    Auto,
    /// A share above 0 and below 1; 0.05 is 5 points.
    Share(f64),
}

impl Margin {
    /// The margin for this many units; `None` where none is asked for.
    ///
    /// `auto`: 5 points from 200 units, 10 from 60, 15 from 30, 20 from 20, and an error below.
    pub fn at(self, units: u64) -> Result<Option<f64>, TooFewUnits> {
        match self {
            Self::None => Ok(None),
            Self::Share(share) => Ok(Some(share)),
            Self::Auto => match units {
                200.. => Ok(Some(0.05)),
                60..=199 => Ok(Some(0.10)),
                30..=59 => Ok(Some(0.15)),
                FEWEST_UNITS..=29 => Ok(Some(0.20)),
                _ => Err(TooFewUnits { units }),
            },
        }
    }

    /// Whether one is asked for.
    pub fn is_set(self) -> bool {
        self != Self::None
    }
}

/// So few units have no automatic margin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`margin: auto` needs {FEWEST_UNITS} units, there {} {units}", if *.units == 1 { "is" } else { "are" })]
pub struct TooFewUnits {
    /// How many there are.
    pub units: u64,
}

impl TooFewUnits {
    /// How many are needed.
    pub const fn needed(self) -> u64 {
        FEWEST_UNITS
    }
}

/// The text is no margin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a margin is a share above 0 and below 1, such as 0.1 for 10 points, or `auto`, or `none`")]
pub struct InvalidMargin;

impl FromStr for Margin {
    type Err = InvalidMargin;

    fn from_str(text: &str) -> Result<Self, InvalidMargin> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            number => {
                let share: f64 = number.parse().map_err(|_| InvalidMargin)?;
                if share > 0.0 && share < 1.0 { Ok(Self::Share(share)) } else { Err(InvalidMargin) }
            }
        }
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("none"),
            Self::Auto => formatter.write_str("auto"),
            Self::Share(share) => write!(formatter, "{share}"),
        }
    }
}

impl Serialize for Margin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Auto => serializer.serialize_str("auto"),
            Self::Share(share) => serializer.serialize_f64(*share),
        }
    }
}

impl<'de> Deserialize<'de> for Margin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Margin;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a share such as 0.1, `auto` or `none`")
            }

            fn visit_f64<E: de::Error>(self, share: f64) -> Result<Margin, E> {
                if share > 0.0 && share < 1.0 {
                    Ok(Margin::Share(share))
                } else {
                    Err(E::custom(format!("{InvalidMargin}; this is {share}")))
                }
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Margin, E> {
                self.visit_f64(number as f64)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Margin, E> {
                self.visit_f64(number as f64)
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Margin, E> {
                match word {
                    "auto" => Ok(Margin::Auto),
                    "none" => Ok(Margin::None),
                    other => Err(E::custom(format!("{InvalidMargin}; this is `{other}`"))),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Margin {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Margin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            {"enum": ["auto", "none"]},
        ]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_fits_the_number_of_units() {
        let at = |units| Margin::Auto.at(units);
        for (units, margin) in [
            (20, 0.20),
            (29, 0.20),
            (30, 0.15),
            (59, 0.15),
            (60, 0.10),
            (199, 0.10),
            (200, 0.05),
            (10_000, 0.05),
        ] {
            assert_eq!(at(units), Ok(Some(margin)), "{units}");
        }
        assert_eq!(at(19), Err(TooFewUnits { units: 19 }));
        assert_eq!(Margin::None.at(0), Ok(None));
        assert_eq!(Margin::Share(0.3).at(0), Ok(Some(0.3)));
    }

    #[test]
    fn a_margin_is_a_share_or_a_word() {
        for (text, margin) in [("auto", Margin::Auto), ("none", Margin::None), ("0.1", Margin::Share(0.1))] {
            assert_eq!(text.parse(), Ok(margin));
            assert_eq!(margin.to_string(), text);
        }
        for wrong in ["0", "1", "-0.1", "5", "NaN", "inf", "", "Auto"] {
            assert_eq!(wrong.parse::<Margin>(), Err(InvalidMargin), "{wrong}");
        }
    }
}
