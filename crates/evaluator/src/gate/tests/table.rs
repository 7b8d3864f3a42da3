//! Every combination of the conditions against the table as a reader of `docs/gating.md` would write it down: rows that exclude one
//! another, so that no order decides between them.

use super::super::conditions::Ends;
use super::*;

/// One letter a condition: `y`, `n`, or `.` for either; in the order of `Conditions`. Then the smallest pass rate: `-` unset, `<`
/// below, `>` reached, `.` any, `~` unset or reached. Then whether every case passes. Then the comparison: `-` none, `+` not worse
/// alone, `!` worse alone, `*` both, `?` neither, `.` any, `P` not worse, whatever else.
///
/// Columns: asked none, judged none, cut short, gaps, missing, baseline absent, partners, models, critical missing, nothing passed,
/// critical failed.
const TABLE: &str = "
    ..y........  . . .  1 broken        cut_short
    y.n........  . . .  1 broken        nothing_asked
    nyn........  . . .  1 broken        nothing_judged
    nnny.......  . . .  1 broken        could_not_be_asked
    nnnny......  . . .  1 broken        too_many_missing
    nnnnny.....  . . .  1 broken        baseline_absent
    nnnnnny....  . . .  1 broken        too_few_partners
    nnnnnnny...  . . .  1 broken        other_models
    nnnnnnnny..  . . .  1 broken        critical_case_missing
    nnnnnnnnny.  . . .  1 broken        nothing_passed
    nnnnnnnnnny  . . .  2 failed        critical_case
    nnnnnnnnnnn  < . .  3 failed        below_min_pass_rate
    nnnnnnnnnnn  > . -  3 passed        min_pass_rate_reached
    nnnnnnnnnnn  - y -  3 passed        every_case_passed
    nnnnnnnnnnn  - n -  3 failed        case_failed
    nnnnnnnnnnn  ~ . P  4 passed        not_worse_than_margin
    nnnnnnnnnnn  ~ . !  5 failed        regression_proven
    nnnnnnnnnnn  ~ . ?  6 inconclusive  cannot_tell
";

fn flags(conditions: &Conditions) -> [bool; 11] {
    [
        conditions.nothing_asked,
        conditions.nothing_judged,
        conditions.cut_short,
        conditions.could_not_be_asked,
        conditions.too_many_missing,
        conditions.baseline_absent,
        conditions.too_few_partners,
        conditions.other_models,
        conditions.critical_missing,
        conditions.nothing_passed,
        conditions.critical_failed,
    ]
}

fn matches(row: &[&str], conditions: &Conditions) -> bool {
    let of_flag = |letter: char, flag: bool| letter == '.' || (letter == 'y') == flag;
    let minimum = match conditions.below_minimum {
        None => "-",
        Some(true) => "<",
        Some(false) => ">",
    };
    let comparison = match conditions.ends {
        None => "-",
        Some(Ends { not_worse: true, worse: false }) => "+",
        Some(Ends { not_worse: false, worse: true }) => "!",
        Some(Ends { not_worse: true, worse: true }) => "*",
        Some(Ends { not_worse: false, worse: false }) => "?",
    };
    row[0].chars().zip(flags(conditions)).all(|(letter, flag)| of_flag(letter, flag))
        && (row[1] == "." || row[1] == minimum || (row[1] == "~" && minimum != "<"))
        && (row[2] == "." || (row[2] == "y") == conditions.every_case_passes)
        && (row[3] == "." || row[3] == comparison || (row[3] == "P" && "+*".contains(comparison)))
}

fn every_combination() -> Vec<Conditions> {
    let ends = |not_worse, worse| Some(Ends { not_worse, worse });
    let mut all = Vec::new();
    for bits in 0..1_u32 << 12 {
        let bit = |place: u32| bits >> place & 1 == 1;
        for below_minimum in [None, Some(false), Some(true)] {
            for ends in [None, ends(false, false), ends(false, true), ends(true, false), ends(true, true)] {
                all.push(Conditions {
                    nothing_asked: bit(0),
                    nothing_judged: bit(1),
                    cut_short: bit(2),
                    could_not_be_asked: bit(3),
                    too_many_missing: bit(4),
                    baseline_absent: bit(5),
                    too_few_partners: bit(6),
                    other_models: bit(7),
                    critical_missing: bit(8),
                    nothing_passed: bit(9),
                    critical_failed: bit(10),
                    every_case_passes: bit(11),
                    below_minimum,
                    ends,
                });
            }
        }
    }
    all
}

#[test]
fn every_combination_is_in_exactly_one_row() {
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|row: &Vec<_>| !row.is_empty())
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    let combinations = every_combination();
    assert_eq!(combinations.len(), 4096 * 3 * 5);
    for conditions in combinations {
        let matching: Vec<&Vec<&str>> = rows.iter().filter(|row| matches(row, &conditions)).collect();
        let [row] = matching[..] else { panic!("{conditions:?} is in {matching:?}") };
        let rule = conditions.rule();
        let verdict = rule.verdict().as_str().to_lowercase();
        let shown = [rule.row().to_string(), verdict, rule.code().to_owned()];
        assert_eq!(shown.iter().map(String::as_str).collect::<Vec<_>>(), row[4..], "{conditions:?}");
        seen.insert(rule);
    }
    assert_eq!(seen.len(), Rule::ALL.len(), "every rule is met");
    assert_eq!(rows.len(), Rule::ALL.len());
}
