//! Writes test suites as the library does that defines them, byte for byte, but one test case at a time: a large report is never whole
//! in memory.

use std::io::{self, Write};

use jiff::Timestamp;
use junit_report::{Duration, TestCase, TestResult};

/// What the head of a suite says of its test cases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    pub(super) tests: usize,
    pub(super) errors: usize,
    pub(super) failures: usize,
    pub(super) time: Duration,
}

impl Totals {
    pub(super) fn of<'a>(cases: impl IntoIterator<Item = &'a TestCase>) -> Self {
        let mut totals = Self { tests: 0, errors: 0, failures: 0, time: Duration::ZERO };
        for case in cases {
            totals.add_one(case.is_error(), case.is_failure(), case.time);
        }
        totals
    }

    pub(super) fn add_one(&mut self, is_error: bool, is_failure: bool, time: Duration) {
        self.tests += 1;
        self.errors += usize::from(is_error);
        self.failures += usize::from(is_failure);
        self.time += time;
    }
}

/// A report under way.
pub(super) struct Writer<W> {
    out: W,
    suites: usize,
}

impl<W: Write> Writer<W> {
    pub(super) fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>")?;
        Ok(Self { out, suites: 0 })
    }

    /// Writes a suite of these test cases, whose `totals` are known before they are made.
    pub(super) fn suite(
        &mut self,
        (name, began): (&str, Timestamp),
        totals: Totals,
        cases: impl Iterator<Item = TestCase>,
    ) -> io::Result<()> {
        let (id, Totals { tests, errors, failures, time }) = (self.suites, totals);
        if id == 0 {
            self.out.write_all(b"<testsuites>")?;
        }
        self.suites += 1;
        write!(self.out, "<testsuite id=\"{id}\"")?;
        self.attribute("name", name)?;
        self.attribute("package", &format!("testsuite/{name}"))?;
        write!(self.out, " tests=\"{tests}\" errors=\"{errors}\" failures=\"{failures}\"")?;
        let (began, time) = (in_seconds(began), time.as_seconds_f64());
        write!(self.out, " hostname=\"localhost\" timestamp=\"{began}\" time=\"{time}\"")?;
        if tests == 0 {
            return self.out.write_all(b"/>");
        }
        self.out.write_all(b">")?;
        for case in cases {
            self.case(&case)?;
        }
        self.out.write_all(b"</testsuite>")
    }

    fn case(&mut self, case: &TestCase) -> io::Result<()> {
        self.out.write_all(b"<testcase")?;
        self.attribute("name", &case.name)?;
        write!(self.out, " time=\"{}\"", case.time.as_seconds_f64())?;
        for (name, value) in [("classname", &case.classname), ("file", &case.filepath)] {
            if let Some(value) = value {
                self.attribute(name, value)?;
            }
        }
        let result = match &case.result {
            TestResult::Success => None,
            TestResult::Skipped => Some(("skipped", None)),
            TestResult::SkippedWithCause { type_, message, cause } => {
                Some(("skipped", Some((type_, message, cause))))
            }
            TestResult::Error { type_, message, cause } => Some(("error", Some((type_, message, cause)))),
            TestResult::Failure { type_, message, cause } => Some(("failure", Some((type_, message, cause)))),
        };
        let texts = [("system-out", &case.system_out), ("system-err", &case.system_err)];
        if result.is_none() && texts.iter().all(|(_, text)| text.is_none()) {
            return self.out.write_all(b"/>");
        }
        self.out.write_all(b">")?;
        if let Some((element, details)) = result {
            write!(self.out, "<{element}")?;
            let mut trace = &None;
            if let Some((type_, message, cause)) = details {
                self.attribute("type", type_)?;
                self.attribute("message", message)?;
                trace = cause;
            }
            match trace {
                Some(trace) => write!(self.out, "><![CDATA[{trace}]]></{element}>")?,
                None => self.out.write_all(b"/>")?,
            }
        }
        for (element, text) in texts {
            if let Some(text) = text {
                write!(self.out, "<{element}><![CDATA[{text}]]></{element}>")?;
            }
        }
        self.out.write_all(b"</testcase>")
    }

    fn attribute(&mut self, name: &str, value: &str) -> io::Result<()> {
        write!(self.out, " {name}=\"")?;
        let mut written = 0;
        for (index, byte) in value.bytes().enumerate() {
            let escape = match byte {
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'&' => "&amp;",
                b'\'' => "&apos;",
                b'"' => "&quot;",
                _ => continue,
            };
            self.out.write_all(&value.as_bytes()[written..index])?;
            self.out.write_all(escape.as_bytes())?;
            written = index + 1;
        }
        self.out.write_all(&value.as_bytes()[written..])?;
        self.out.write_all(b"\"")
    }

    /// Ends the report.
    pub(super) fn end(mut self) -> io::Result<W> {
        self.out.write_all(if self.suites == 0 { b"<testsuites/>" } else { b"</testsuites>" })?;
        Ok(self.out)
    }
}

/// The time without its fraction.
fn in_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use junit_report::{OffsetDateTime, Report, TestCaseBuilder, TestSuiteBuilder};

    use super::*;

    fn by_library(suites: &[(&str, Timestamp, Vec<TestCase>)]) -> String {
        let mut report = Report::new();
        for (name, began, cases) in suites {
            let mut suite = TestSuiteBuilder::new(name).build();
            suite.set_timestamp(OffsetDateTime::from_unix_timestamp(began.as_second()).unwrap());
            suite.add_testcases(cases.iter().cloned());
            report.add_testsuite(suite);
        }
        let mut out = Vec::new();
        report.write_xml(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn by_us(suites: &[(&str, Timestamp, Vec<TestCase>)]) -> String {
        let mut writer = Writer::begin(Vec::new()).unwrap();
        for (name, began, cases) in suites {
            writer.suite((name, *began), Totals::of(cases), cases.iter().cloned()).unwrap();
        }
        String::from_utf8(writer.end().unwrap()).unwrap()
    }

    #[test]
    fn it_is_written_as_the_library_does() {
        let hostile = "<a b='c' d=\"e\">&amp;\u{1}é😀]]";
        let took = Duration::microseconds(1_234_567);
        let mut cases = vec![
            TestCaseBuilder::success("a", Duration::ZERO).build(),
            TestCaseBuilder::success(hostile, took).set_classname(hostile).set_filepath(hostile).build(),
            TestCaseBuilder::success("c", took).set_system_out(hostile).set_system_err("").build(),
            TestCaseBuilder::failure("d", took, hostile, hostile).set_trace(hostile).build(),
            TestCaseBuilder::failure("e", took, "failed", "").set_system_out("out").build(),
            TestCaseBuilder::error("f", took, "error", hostile).build(),
            TestCaseBuilder::error("g", took, "", "").set_trace("").set_classname("h").build(),
            TestCaseBuilder::skipped_with_cause("i", "skipped", hostile).build(),
            TestCaseBuilder::skipped("j").build(),
        ];
        let [early, late] =
            ["1970-01-01T00:00:00Z", "2026-11-28T15:16:17.9Z"].map(|time| time.parse().unwrap());
        let all = cases.clone();
        let last = cases.split_off(8);
        let suites = [(hostile, early, all), ("b", late, Vec::new()), ("c", late, last)];
        for count in 0..=suites.len() {
            assert_eq!(by_us(&suites[..count]), by_library(&suites[..count]), "{count} suites");
        }
    }
}
