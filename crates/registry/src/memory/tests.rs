use serde_json::json;

use super::*;
use crate::content::{Chat, MessageTemplate, Role};
use crate::template::{Template, TemplateFormat};
use crate::variables::VariablesSpec;

fn text(source: &str) -> VersionContent {
    VersionContent::Text(Template::parse(TemplateFormat::Format, source).unwrap())
}

fn registration(name: &str, version: &str, content: VersionContent) -> Registration {
    let created_at = "2026-11-22T10:00:00Z".parse().unwrap();
    Registration::new(name.parse().unwrap(), version.parse().unwrap(), content, "ada@example.com", created_at)
}

fn registry(versions: &[(&str, &str)]) -> Registry {
    let mut registry = Registry::new();
    for (version, source) in versions {
        registry.register(registration("customer_support", version, text(source))).unwrap();
    }
    registry
}

fn selector(text: &str) -> VersionSelector {
    text.parse().unwrap()
}

fn values(value: Value) -> Values {
    serde_json::from_value(value).unwrap()
}

fn rendered(registry: &Registry, selector: Option<&VersionSelector>, given: Value) -> String {
    match registry.render("customer_support", selector, &values(given)).unwrap().output {
        Rendered::Text(text) => text,
        chat @ Rendered::Chat(_) => panic!("{chat:?}"),
    }
}

#[test]
fn a_version_keeps_what_it_was_registered_with() {
    let mut registry = Registry::new();
    let metadata = Map::from_iter([("ticket".to_owned(), json!("SUP-12"))]);
    let content = text("You help {company_name}.\nQuery: {query} {{literal}}\n");
    let registered = registry
        .register(
            registration("customer_support", "1.0.0", content)
                .description("Initial prompt")
                .metadata(metadata.clone()),
        )
        .unwrap();
    assert!(registered.is_new);
    let version = registry.get("customer_support", None).unwrap();
    assert_eq!(version, &registered.version);
    assert_eq!(version.version.number(), "1.0.0");
    assert_eq!(
        (version.created_by.as_str(), version.description.as_str()),
        ("ada@example.com", "Initial prompt")
    );
    assert_eq!(
        (version.created_at.to_string().as_str(), &version.metadata),
        ("2026-11-22T10:00:00Z", &metadata)
    );
    assert_eq!(version.interface.variables().names().collect::<Vec<_>>(), ["company_name", "query"]);
    // `printf 'You help {company_name}.\nQuery: {query} {{literal}}\n' | sha256sum | cut -c1-12`
    assert_eq!(version.digest.short(), "857bac959593");
}

#[test]
fn the_active_version_is_served_and_latest_until_then() {
    let mut registry = registry(&[("1.9.0", "nine"), ("1.10.0", "ten"), ("2.0.0-rc.1", "candidate")]);
    assert_eq!(rendered(&registry, None, json!({})), "ten");
    assert_eq!(rendered(&registry, Some(&selector("v2.0.0-rc.1")), json!({})), "candidate");
    registry.set_active_version("customer_support", selector("1.9.0")).unwrap();
    assert_eq!(rendered(&registry, None, json!({})), "nine");
    assert_eq!(rendered(&registry, Some(&selector("latest")), json!({})), "ten");
    assert_eq!(registry.prompt("customer_support").unwrap().active(), &selector("1.9.0"));
}

#[test]
fn lists_are_sorted_by_name_and_by_precedence() {
    let mut registry = registry(&[("1.10.0", "a"), ("1.2.0", "b"), ("1.10.0-rc.1", "c")]);
    registry.register(registration("code_review", "1.0.0", text("x"))).unwrap();
    assert_eq!(
        registry.list_prompts().map(PromptName::as_str).collect::<Vec<_>>(),
        ["code_review", "customer_support"]
    );
    let versions: Vec<String> =
        registry.list_versions("customer_support").unwrap().map(Version::number).collect();
    assert_eq!(versions, ["1.2.0", "1.10.0-rc.1", "1.10.0"]);
}

#[test]
fn the_same_bytes_again_change_nothing() {
    let mut registry = registry(&[("1.0.0", "a {b}")]);
    let again = registration("customer_support", "v1.0.0", text("a {b}")).description("changed my mind");
    let registered = registry.register(again).unwrap();
    assert!(!registered.is_new);
    assert_eq!(registered.version.description, "");
    assert_eq!(registry.list_versions("customer_support").unwrap().len(), 1);
}

#[test]
fn other_bytes_under_a_taken_number_are_refused() {
    let mut registry = registry(&[("1.0.0", "a {b}")]);
    let error = registry.register(registration("customer_support", "1.0.0", text("a {b}\n"))).unwrap_err();
    insta::assert_snapshot!(error, @"prompt `customer_support` has a version v1.0.0 with other content: b1d4d71dbff8 is registered, 37b956e9f66c was offered");
    insta::assert_snapshot!(error.help(), @"a registered version never changes: register under the next number");
    assert_eq!(rendered(&registry, None, json!({"b": "x"})), "a x");
}

#[test]
fn other_variables_under_a_taken_number_are_refused() {
    let mut registry = registry(&[("1.0.0", "a {b}")]);
    let spec: VariablesSpec = serde_json::from_value(json!({"b": "integer"})).unwrap();
    let typed = registration("customer_support", "1.0.0", text("a {b}"))
        .variables(spec.validate(TemplateFormat::Format).unwrap());
    assert!(matches!(registry.register(typed), Err(RegisterError::InterfaceTaken { .. })));
    let jinja = VersionContent::Text(Template::parse(TemplateFormat::Jinja, "a {b}").unwrap());
    let jinja = registration("customer_support", "1.0.0", jinja);
    assert!(matches!(registry.register(jinja), Err(RegisterError::InterfaceTaken { .. })));
}

#[test]
fn the_same_content_under_two_numbers_is_pointed_out() {
    let mut registry = registry(&[("1.0.0", "a"), ("1.1.0", "b")]);
    let registered = registry.register(registration("customer_support", "1.2.0", text("a"))).unwrap();
    assert_eq!(registered.same_content_as, Some("1.0.0".parse().unwrap()));
    assert!(registered.is_new);
}

#[test]
fn declared_variables_are_checked_against_the_content() {
    let mut registry = Registry::new();
    let declare = |names: Value| {
        let spec: VariablesSpec = serde_json::from_value(names).unwrap();
        spec.validate(TemplateFormat::Format).unwrap()
    };
    let wrong = registration("a", "1.0.0", text("{qeury} {x}")).variables(declare(json!(["query"])));
    let error = registry.register(wrong).unwrap_err();
    insta::assert_snapshot!(error, @"the content uses variables that are not declared: `qeury`, `x`");
    insta::assert_snapshot!(error.help(), @"did you mean `query` instead of `qeury`?");
    assert_eq!(registry.list_prompts().len(), 0);

    let unused = registration("a", "1.0.0", text("{query}")).variables(declare(json!(["query", "old"])));
    assert_eq!(registry.register(unused).unwrap().unused, ["old"]);
}

#[test]
fn rendering_adds_defaults_checks_values_and_names_the_unknown() {
    let mut registry = Registry::new();
    let declared: VariablesSpec =
        serde_json::from_value(json!({"query": "string", "tier": {"type": "string", "enum": ["Basic", "Premium"], "default": "Basic"}})).unwrap();
    let registration = registration("customer_support", "1.0.0", text("{tier}: {query}"))
        .variables(declared.validate(TemplateFormat::Format).unwrap());
    registry.register(registration).unwrap();

    let rendering = registry
        .render("customer_support", None, &values(json!({"query": "hi", "teir": "Premium"})))
        .unwrap();
    assert_eq!(rendering.output, Rendered::Text("Basic: hi".to_owned()));
    assert_eq!(rendering.version, "1.0.0".parse().unwrap());
    assert_eq!(rendering.unknown[0].suggestion.as_deref(), Some("tier"));

    let failure = registry.render("customer_support", None, &values(json!({"tier": "Gold"}))).unwrap_err();
    insta::assert_snapshot!(failure, @"no value for `query`; the value of `tier` is `Gold`, which is not one of those listed");
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let mut registry = registry(&[("1.0.0-rc.1", "a"), ("1.0.0-rc.2", "b")]);
    let errors = [
        registry.get("customer_suport", None).unwrap_err(),
        registry.get("zzz\u{1b}[0m", None).unwrap_err(),
        registry.get("customer_support", None).unwrap_err(),
        registry.get("customer_support", Some(&selector("1.0.0"))).unwrap_err(),
        registry.set_active_version("customer_support", selector("2.0.0")).unwrap_err(),
    ];
    let table: Vec<String> = errors.iter().map(|error| format!("{error} ({})", error.help())).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
there is no prompt `customer_suport` (did you mean `customer_support`?)
there is no prompt `zzz\u{1b}[0m` (known prompts: `customer_support`)
prompt `customer_support` has no latest version: all its versions are prereleases (its versions are v1.0.0-rc.2, v1.0.0-rc.1)
prompt `customer_support` has no version v1.0.0 (its versions are v1.0.0-rc.2, v1.0.0-rc.1)
prompt `customer_support` has no version v2.0.0 (its versions are v1.0.0-rc.2, v1.0.0-rc.1)
"#);
    assert_eq!(registry.prompt("customer_support").unwrap().active(), &VersionSelector::Latest);
}

#[test]
fn a_clone_is_a_snapshot() {
    let mut registry = registry(&[("1.0.0", "one")]);
    let snapshot = registry.clone();
    registry.register(registration("customer_support", "1.1.0", text("two"))).unwrap();
    registry.set_active_version("customer_support", selector("1.1.0")).unwrap();
    assert_eq!(rendered(&snapshot, None, json!({})), "one");
    assert_eq!(rendered(&registry, None, json!({})), "two");
}

#[test]
fn threads_render_while_another_registers() {
    fn assert_shareable<T: Send + Sync + Clone + 'static>(_: &T) {}
    let mut registry = registry(&[("1.0.0", "{x}")]);
    assert_shareable(&registry);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|reader| {
                let snapshot = registry.clone();
                scope.spawn(move || {
                    (0..100).all(|round| {
                        rendered(&snapshot, None, json!({"x": round * reader}))
                            == (round * reader).to_string()
                    })
                })
            })
            .collect();
        for patch in 1..50 {
            let content = text(&format!("{patch}"));
            registry.register(registration("customer_support", &format!("1.0.{patch}"), content)).unwrap();
        }
        assert!(readers.into_iter().all(|reader| reader.join().unwrap()));
    });
    assert_eq!(rendered(&registry, None, json!({})), "49");
}

#[test]
fn the_digest_of_a_chat_covers_roles_params_and_response_format() {
    let chat = |role: Role, source: &str, params: Value, response_format: Option<Value>| {
        let template = Template::parse(TemplateFormat::Format, source).unwrap();
        let Value::Object(params) = params else { panic!("params are a map") };
        let chat = Chat::new(vec![MessageTemplate { role, template }], params, response_format).unwrap();
        let mut registry = Registry::new();
        registry.register(registration("a", "1.0.0", VersionContent::Chat(chat))).unwrap().version.digest
    };
    let base = chat(Role::User, "x", json!({"a": 1, "b": 2}), None);
    assert_eq!(base, chat(Role::User, "x", json!({"b": 2, "a": 1}), None));
    assert_ne!(base, chat(Role::System, "x", json!({"a": 1, "b": 2}), None));
    assert_ne!(base, chat(Role::User, "y", json!({"a": 1, "b": 2}), None));
    assert_ne!(base, chat(Role::User, "x", json!({"a": 1, "b": 3}), None));
    assert_ne!(base, chat(Role::User, "x", json!({"a": 1, "b": 2}), Some(json!("json"))));
}
