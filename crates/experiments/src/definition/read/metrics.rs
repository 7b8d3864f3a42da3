//! What an experiment measures, and what was planned about it.

use jiff::SignedDuration;
use promptassay_registry::problem::Problem;
use promptassay_registry::yaml::Located;

use super::Reader;
use crate::definition::spec::{
    DirectionSpec, ExperimentSpec, KindSpec, MetricSpec, PerUnitSpec, PlanSpec, RoleSpec,
};
use crate::definition::{Direction, Metric, MetricKind, Noise, NotReady, PerUnit, Plan, Role};

impl Reader<'_> {
    pub(super) fn metric(
        &mut self,
        name: &Located<String>,
        spec: &Located<MetricSpec>,
        window: Option<SignedDuration>,
    ) -> Option<Metric> {
        self.label(name, "a metric");
        let role = match spec.role {
            RoleSpec::Primary => Role::Primary,
            RoleSpec::Success => Role::Success,
            RoleSpec::Guardrail => Role::Guardrail,
            RoleSpec::Descriptive => Role::Descriptive,
        };
        let direction = spec.direction.map(|direction| match direction {
            DirectionSpec::Higher => Direction::Higher,
            DirectionSpec::Lower => Direction::Lower,
        });
        if direction.is_none() && role != Role::Descriptive && !self.lacks_part_of(spec.span) {
            self.error(
                "experiment::direction",
                name.span,
                format!("`{name}` decides, but does not say where better lies"),
                "write `direction: higher` or `direction: lower`",
            );
        }
        match (role, spec.margin) {
            (Role::Guardrail, None) => self.error("experiment::margin", name.span, format!("the guardrail `{name}` has no margin"), "write `margin:`, how much worse it may become at most, in the metric's unit: not to be seen worse is no proof of being no worse"),
            (Role::Guardrail, Some(margin)) if !(margin.value > 0.0 && margin.value.is_finite()) => self.error("experiment::margin", margin.span, "a margin is more than 0", "without any margin no number of units could prove that it holds"),
            (Role::Primary | Role::Success | Role::Descriptive, Some(margin)) => self.error("experiment::margin", margin.span, "only guardrails have a margin", "leave it out, or write `role: guardrail`"),
            (Role::Guardrail, Some(_)) | (_, None) => {}
        }
        let own = spec.window.as_ref().and_then(|written| self.window(written));
        let kind = self.kind(name, spec)?;
        let metric = Metric {
            name: name.value.clone(),
            kind,
            role,
            direction,
            margin: spec.margin.map(|margin| margin.value),
            noise: self.noise(spec, role),
            window: own.or(window),
            description: spec.description.clone(),
        };
        self.room_for(&metric, spec.margin);
        Some(metric)
    }

    /// Only a warning: whoever runs with such a margin since before must still be served. It starts nothing, and no guardrail holds by it.
    fn room_for(&mut self, metric: &Metric, written: Option<Located<f64>>) {
        if let (Some(room), Some(margin)) = (metric.room_within_margin(), written) {
            let lacking = NotReady::NoBound { metric: metric.name.clone(), room };
            let problem = Problem::warning("experiment::margin", lacking.to_string());
            self.found.push(problem.at(self.document.place(margin.span)).help(lacking.help()));
        }
    }

    /// How a guardrail varies. That of the primary metric is part of the plan, and nothing is planned of the others.
    fn noise(&mut self, spec: &MetricSpec, role: Role) -> Option<Noise> {
        let is_rate = spec.kind == KindSpec::Binary;
        for (written, is_its_kind, other) in [(spec.baseline, is_rate, "sd"), (spec.sd, !is_rate, "baseline")]
        {
            let Some(written) = written else { continue };
            if role != Role::Guardrail {
                let help = match role {
                    Role::Primary | Role::Success => {
                        "write it under `plan:`, if this is the metric that decides"
                    }
                    Role::Guardrail | Role::Descriptive => "leave it out",
                };
                self.error("experiment::plan", written.span, "this key is for guardrails", help);
            } else if !is_its_kind {
                let message = if is_rate {
                    "the spread of a rate follows from its `baseline`"
                } else {
                    "only a rate has a `baseline`"
                };
                self.error("experiment::plan", written.span, message, format!("write `{other}:` instead"));
            }
        }
        self.baseline(spec.baseline);
        self.sd(spec.sd);
        if is_rate {
            spec.baseline.map(|rate| Noise::Baseline(rate.value))
        } else {
            spec.sd.map(|sd| Noise::Sd(sd.value))
        }
    }

    fn baseline(&mut self, written: Option<Located<f64>>) {
        if let Some(baseline) = written.filter(|rate| !(rate.value > 0.0 && rate.value < 1.0)) {
            self.error(
                "experiment::plan",
                baseline.span,
                "a rate lies between 0 and 1",
                "write 0.12 for 12 %",
            );
        }
    }

    fn sd(&mut self, written: Option<Located<f64>>) {
        if let Some(sd) = written.filter(|sd| !(sd.value > 0.0 && sd.value.is_finite())) {
            self.error(
                "experiment::plan",
                sd.span,
                "a standard deviation is more than 0",
                "take it from data of the last weeks",
            );
        }
    }

    fn kind(&mut self, name: &Located<String>, spec: &MetricSpec) -> Option<MetricKind> {
        let belongs = |kinds: &str| format!("this key is for `kind: {kinds}`");
        let is_mean = spec.kind == KindSpec::Mean;
        let is_ratio = spec.kind == KindSpec::Ratio;
        let only_mean = [
            spec.cap.map(|cap| cap.span),
            spec.per_unit.map(|per| per.span),
            spec.covariate.as_ref().map(|of| of.span),
        ];
        for span in only_mean.into_iter().flatten().filter(|_| !is_mean) {
            self.error("experiment::key", span, belongs("mean"), "leave it out");
        }
        let only_ratio = [spec.numerator.as_ref(), spec.denominator.as_ref()];
        for written in only_ratio.into_iter().flatten() {
            if is_ratio {
                self.label(written, "a series");
            } else {
                self.error("experiment::key", written.span, belongs("ratio"), "leave it out");
            }
        }
        if let Some(cap) = spec.cap.filter(|cap| !cap.value.is_finite()) {
            self.error(
                "experiment::cap",
                cap.span,
                "a cap must be a finite number",
                "write the largest value that a unit can have",
            );
        }
        if let Some(covariate) = &spec.covariate {
            self.label(covariate, "a series");
        }
        Some(match spec.kind {
            KindSpec::Binary => MetricKind::Binary,
            KindSpec::Mean => MetricKind::Mean {
                per_unit: spec.per_unit.map_or(PerUnit::Mean, |per| match per.value {
                    PerUnitSpec::Mean => PerUnit::Mean,
                    PerUnitSpec::Sum => PerUnit::Sum,
                    PerUnitSpec::Count => PerUnit::Count,
                }),
                cap: spec.cap.map(|cap| cap.value),
                covariate: spec.covariate.as_ref().map(|covariate| covariate.value.clone()),
            },
            KindSpec::Ratio => {
                let Some(numerator) = &spec.numerator else {
                    self.error(
                        "experiment::numerator",
                        name.span,
                        format!("the ratio `{name}` has no numerator"),
                        "write `numerator:`, the name under which it is recorded",
                    );
                    return None;
                };
                let denominator = spec.denominator.as_ref().map(|series| series.value.clone());
                MetricKind::Ratio { numerator: numerator.value.clone(), denominator }
            }
        })
    }

    /// What concerns all metrics together.
    pub(super) fn check_metrics(&mut self, spec: &ExperimentSpec) {
        if spec.metrics.0.is_empty() {
            self.error("experiment::metrics", spec.name.span, "there is no metric", "write what is measured, such as `satisfaction: {kind: mean, role: primary, direction: higher}`");
        }
        let mut primary: Option<&Located<String>> = None;
        for (name, metric) in &spec.metrics.0 {
            if metric.role == RoleSpec::Primary {
                match primary {
                    None => primary = Some(name),
                    Some(first) => self.error(
                        "experiment::primary",
                        name.span,
                        format!("`{first}` is primary already"),
                        "one metric decides; make this one `success`",
                    ),
                }
            }
        }
    }

    pub(super) fn plan(&mut self, spec: PlanSpec, metrics: &[Metric]) -> Plan {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if let Some(effect) = spec.smallest_effect.filter(|effect| !positive(effect.value)) {
            self.error(
                "experiment::plan",
                effect.span,
                "the smallest effect is more than 0",
                "write the size of the difference; its direction is the metric's",
            );
        }
        self.sd(spec.sd);
        self.baseline(spec.baseline);
        if let Some(units) = spec.units.filter(|units| units.value == 0) {
            self.error(
                "experiment::plan",
                units.span,
                "nothing can be decided after 0 units",
                "`promptassay experiment power` says how many it takes",
            );
        }
        if let (Some(sd), true) = (
            spec.sd,
            metrics.iter().any(|metric| metric.role == Role::Primary && metric.kind == MetricKind::Binary),
        ) {
            self.error(
                "experiment::plan",
                sd.span,
                "the primary metric is a rate, whose spread follows from `baseline`",
                "write `baseline:` instead",
            );
        }
        Plan {
            smallest_effect: spec.smallest_effect.map(|effect| effect.value),
            baseline: spec.baseline.map(|rate| rate.value),
            sd: spec.sd.map(|sd| sd.value),
            units: spec.units.map(|units| units.value),
        }
    }
}
