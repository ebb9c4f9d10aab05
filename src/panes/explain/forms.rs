//! The forms: values of parameters, options of EXPLAIN, the path of a file.

use super::Explain;
use super::run::{self, ExplainRun, RunStep};
use crate::app::{Effect, Job, PaneRequest};
use crate::failure::Failure;
use crate::pg::explain::{Choice, ExplainProgress, ExplainRequest, GuessedValue, Options, StatementParameter, sent};
use crate::ui::dialog::{Filled, Form, FormField, FormValue};
use crate::ui::input::Input;

/// Which form is being filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filling {
    /// Values, and for each those that pgdj offers.
    Values(ExplainRequest, Vec<Vec<Choice>>),
    Options,
    File,
}

impl Explain {
    /// Asks for the path of a file.
    pub(super) fn ask_file(&mut self) -> PaneRequest {
        let field = FormField {
            label: "path".to_owned(),
            note: "a statement, a plan as JSON or text, or an auto_explain log".to_owned(),
            value: FormValue::Text(Input::new("")),
            choices: Vec::new(),
        };
        self.filling = Some(Filling::File);
        PaneRequest::Fill(Form::new("Open a file", vec![field]).verb("open"))
    }

    fn open_file(&mut self, values: &[Option<String>]) -> PaneRequest {
        let Some(path) = values.first().cloned().flatten().filter(|path| !path.trim().is_empty()) else {
            return PaneRequest::Nothing;
        };
        let path = path.trim().to_owned();
        let id = self.ids.take();
        self.opening = Some((id, path.clone()));
        PaneRequest::Do(Effect::Start(id, Job::OpenFile { path }))
    }

    /// Takes the text of a file: a plan is shown, a statement is put into the editor.
    pub(super) fn take_file(&mut self, path: &str, read: Result<String, Failure>) -> PaneRequest {
        let text = match read {
            Ok(text) => text,
            Err(failure) => {
                self.failure = Some(failure);
                return PaneRequest::Nothing;
            }
        };
        let given_up = self.give_up_work();
        self.failure = None;
        if run::is_plan(&text) {
            path.clone_into(&mut self.from);
            return super::with(given_up, self.show_pasted(&text));
        }
        // A plan of another statement must not stand below this one.
        self.plan_view = None;
        self.editor.set(&text);
        path.clone_into(&mut self.from);
        self.is_editing = true;
        given_up.unwrap_or(PaneRequest::Nothing)
    }

    /// Takes what was filled in.
    pub(super) fn take_form(&mut self, filled: Filled) -> PaneRequest {
        match (self.filling.take(), filled) {
            (Some(Filling::Values(request, offered)), Filled::Done(values)) => {
                let numbered = (1..).zip(values.iter().zip(&offered));
                let guessed =
                    numbered.filter_map(|(number, (value, offered))| guessed(number, value.as_ref()?, offered));
                let guessed = guessed.collect();
                self.estimate(ExplainRequest { parameters: values, guessed, ..request })
            }
            (Some(Filling::Values(request, _)), Filled::Otherwise) => self.estimate(request),
            (Some(Filling::Options), Filled::Done(values)) => self.take_options(&values),
            (Some(Filling::File), Filled::Done(values)) => self.open_file(&values),
            _ => {
                self.run = None;
                PaneRequest::Nothing
            }
        }
    }

    /// Looks for the types of a statement's parameters; then a person fills in their values.
    pub(super) fn find_parameters(&mut self, request: ExplainRequest) -> PaneRequest {
        let (id, sql) = (self.ids.take(), request.sql.clone());
        self.run = Some(ExplainRun { id, request, step: RunStep::Values, progress: ExplainProgress::default() });
        PaneRequest::Do(Effect::Start(id, Job::FindParameters { sql }))
    }

    /// Asks for the values of the parameters.
    pub(super) fn ask_values(
        &mut self,
        request: ExplainRequest,
        known: Result<Vec<StatementParameter>, Failure>,
    ) -> PaneRequest {
        let (known, why) = match known {
            Ok(known) => (known, None),
            Err(failure) => (Vec::new(), Some(failure.what)),
        };
        let sent = self.sent.iter().rev().find_map(|text| sent::values(&request.sql, text));
        let mut fields = Vec::new();
        let mut offered = Vec::new();
        for at in 0..run::parameters(&request.sql) {
            let known = known.get(at).cloned().unwrap_or_default();
            let sent = sent.as_ref().and_then(|values| values.get(at).cloned());
            fields.push(field(at, &known, sent.as_ref()));
            let is_sent = |choice: &Choice| sent.as_ref().is_some_and(|sent| sent.as_ref() == Some(&choice.value));
            offered.push(known.choices.into_iter().filter(|choice| !is_sent(choice)).collect());
        }
        let mut form = Form::new("Values of the parameters", fields);
        form.otherwise = Some("Ctrl-g: generic plan, without values".to_owned());
        self.filling = Some(Filling::Values(request, offered));
        let fill = PaneRequest::Fill(form);
        match why {
            Some(why) => PaneRequest::All(vec![
                PaneRequest::Say(format!("The types of the parameters are unknown: {why}")),
                fill,
            ]),
            None => fill,
        }
    }

    /// Asks for the options.
    pub(super) fn ask_options(&mut self) -> PaneRequest {
        let switch = |label: &str, note: &str, is_on: bool| FormField {
            label: label.to_owned(),
            note: note.to_owned(),
            value: FormValue::Switch(is_on),
            choices: Vec::new(),
        };
        let options = &self.options;
        let mut fields = vec![
            switch("ANALYZE", "run the statement and measure it", options.analyze),
            switch("BUFFERS", "count buffers", options.buffers),
            switch("VERBOSE", "output columns, schemas, workers", options.verbose),
            switch("SETTINGS", "changed settings", options.settings),
            switch("WAL", "count WAL", options.wal),
            switch("TIMING", "time each node", options.timing),
            switch("SERIALIZE", "serialize the rows (17+)", options.serialize),
            switch("MEMORY", "memory used by planning (17+)", options.memory),
        ];
        fields.push(FormField {
            label: "seconds".to_owned(),
            note: "statement_timeout".to_owned(),
            value: FormValue::Text(Input::new(&self.timeout_seconds.to_string())),
            choices: Vec::new(),
        });
        self.filling = Some(Filling::Options);
        PaneRequest::Fill(Form::new("EXPLAIN options", fields).verb("apply"))
    }

    fn take_options(&mut self, values: &[Option<String>]) -> PaneRequest {
        let is_on = |at: usize| values.get(at).is_some_and(|value| value.as_deref() == Some("on"));
        self.options = Options {
            analyze: is_on(0),
            buffers: is_on(1),
            verbose: is_on(2),
            settings: is_on(3),
            wal: is_on(4),
            timing: is_on(5),
            serialize: is_on(6),
            memory: is_on(7),
            generic_plan: false,
        };
        let seconds = values.last().cloned().flatten().and_then(|seconds| seconds.trim().parse::<u32>().ok());
        match seconds.filter(|seconds| (1..=86_400).contains(seconds)) {
            Some(seconds) => {
                self.timeout_seconds = seconds;
                PaneRequest::Nothing
            }
            None => PaneRequest::Say(format!(
                "The time limit must be 1 to 86400 seconds; it stays at {} s",
                self.timeout_seconds
            )),
        }
    }
}

/// A field for a parameter: with the value that a session sent, where there is one, else with the first that is offered.
fn field(at: usize, known: &StatementParameter, sent: Option<&Option<String>>) -> FormField {
    let note: Vec<&str> =
        [known.type_name.as_str(), known.column.as_str()].into_iter().filter(|it| !it.is_empty()).collect();
    let of_session = sent.cloned().flatten().map(|value| ("sent by a session".to_owned(), value));
    let offered = known.choices.iter().map(|choice| (choice.note.clone(), choice.value.clone()));
    let offered = offered.filter(|(_, value)| of_session.as_ref().is_none_or(|(_, sent)| sent != value));
    let choices: Vec<(String, String)> = of_session.iter().cloned().chain(offered).collect();
    let first = Input::new(choices.first().map_or("", |(_, value)| value.as_str()));
    FormField {
        label: format!("${}", at + 1),
        note: note.join(", "),
        value: if sent == Some(&None) { FormValue::Null(first) } else { FormValue::Text(first) },
        choices,
    }
}

/// Returns what is known of a value that pgdj offered, or that was left empty; `None` of one that a person wrote.
fn guessed(number: usize, value: &str, offered: &[Choice]) -> Option<GuessedValue> {
    let choice = offered.iter().find(|choice| choice.value == value);
    let is_from_statistics = choice.is_some_and(|choice| choice.is_from_statistics);
    (choice.is_some() || value.is_empty()).then_some(GuessedValue { number, is_from_statistics })
}
