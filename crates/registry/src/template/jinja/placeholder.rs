//! A value that stands for any JSON value: true, iterable once, with every attribute. Used to try a template, never to render
//! one for somebody.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind, State};

/// A placeholder holds placeholders, down to this depth: it must end where it is walked to its end.
const DEPTH: u8 = 4;

#[derive(Debug)]
pub(super) struct Placeholder {
    depth: u8,
}

impl Placeholder {
    pub(super) fn value() -> Value {
        Value::from_object(Self { depth: DEPTH })
    }

    fn part(&self) -> Value {
        match self.depth.checked_sub(1) {
            Some(depth) => Value::from_object(Self { depth }),
            None => Value::from(""),
        }
    }
}

impl Object for Placeholder {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(self.part())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(vec![self.part()])
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        Err(Error::new(ErrorKind::UnknownFunction, "values cannot be called"))
    }

    fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
