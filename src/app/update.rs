//! Events into changes and effects.

use std::rc::Rc;
use std::sync::Arc;

use crossterm::event::{KeyEvent, KeyEventKind};

use super::journal::connected_again;
use super::keys::{ActionNeeds, Binding, binding_for, key_name};
use super::layer::Layer;
use super::preview::InspectedRow;
use super::{
    Action, App, Clock, Effect, Event, Message, Outcome, Pane, PaneId, PaneRequest, PaneSubject, SampleOrigin,
    ServerLink, ShownMoment, Timeline,
};
use crate::findings;
use crate::readings::Readings;
use crate::readings::past::Past;
use crate::record::RecordedWindow;
use crate::sample::{Moment, Seconds, Snapshot, Timestamp};
use crate::ui::detail::Detail;
use crate::ui::text::with_plain_line_ends;

/// The paces that `+` and `-` step through, in seconds.
const PACES: [f64; 8] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0];

/// Seconds within which the next sample is awaited before the clock alone draws a frame.
const SAMPLES_COME: f64 = 1.5;
/// Seconds from which on what a held moment shows is no longer acted on.
const LONG_PAST: f64 = 60.0;

impl App {
    /// Takes an event in. What the shell is to do for it waits until [`App::next_effect`] takes it.
    pub fn update(&mut self, event: Event) {
        let Some(event) = self.keep_between(event) else { return };
        let is_tick = matches!(event, Event::Tick(_));
        self.take(event);
        // While samples come, each draws what the clock moved on too.
        self.is_dirty |= !(is_tick && self.link == ServerLink::Up && self.age_of_data() < SAMPLES_COME);
        if !is_tick {
            self.refresh_preview();
        }
    }

    /// Takes out what the shell is to do next. The shell asks until there is nothing more, so no effect is lost.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    pub(super) fn ask_shell(&mut self, effect: Effect) {
        self.effects.push_back(effect);
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => {}
            Event::Key(key) => self.on_key(&key),
            Event::Mouse(mouse) => self.on_mouse(mouse),
            // Terminals send a line break within pasted text as a carriage return.
            Event::Paste(text) => self.on_paste(&with_plain_line_ends(&text)),
            Event::Resized => {}
            Event::Tick(now) => {
                self.now = now;
                if self.panes.shown().is_some_and(Pane::is_behind) {
                    self.refresh_pane();
                }
            }
            Event::Sampled(snapshot) => self.on_sample(snapshot),
            Event::Restarted(samples) => self.begin_afresh(samples),
            Event::Recorded(window) => self.on_recorded(*window),
            Event::Connected(facts) => {
                if self.start.origin == SampleOrigin::Server {
                    let why = self.facts.as_ref().map(|known| connected_again(known, &facts)).unwrap_or_default();
                    self.log(format!("connected to {} as {}{why}", facts.target, facts.role));
                }
                self.facts = Some(facts);
                self.link = ServerLink::Up;
            }
            Event::Lost { since, why, retry_in } => {
                if self.link == ServerLink::Up || self.link == ServerLink::Waiting {
                    self.log(format!("lost the connection: {why}"));
                }
                self.link = ServerLink::Down { why, retry_at: Timestamp(since.0 + retry_in.0) };
            }
            Event::Done(outcome) => self.on_done(outcome),
            Event::Job(id, news) => self.on_job(id, news),
        }
    }

    /// Forgets the samples of before: counters that begin anew have no rate to them.
    fn begin_afresh(&mut self, samples: Vec<Arc<Snapshot>>) {
        /// Samples for which it is said: somebody may be reading something else.
        const SAID_FOR: u8 = 12;
        self.log("the recording starts again".to_owned());
        self.timeline = Timeline::bounded(self.start.history_bytes);
        self.clock = Clock::Live;
        self.shown = ShownMoment::default();
        for sample in samples {
            self.facts = Some(Arc::clone(&sample.server));
            self.timeline.push(sample);
        }
        self.sampled_at = self.now;
        self.message = Some(Message { samples_left: SAID_FOR, ..Message::note("The recording starts again") });
        self.refresh();
    }

    fn on_sample(&mut self, snapshot: Arc<Snapshot>) {
        if snapshot.section("server").why().is_none() {
            self.link = ServerLink::Up;
        }
        self.timeline.push(snapshot);
        self.sampled_at = self.now;
        if let Some(message) = &mut self.message {
            message.samples_left = message.samples_left.saturating_sub(1);
            if message.samples_left == 0 {
                self.message = None;
            }
        }
        if self.clock == Clock::Live || self.shown.seen.is_none() {
            self.refresh();
        }
        self.follow_acts();
    }

    /// Takes the samples around a moment of a recording, if it is still the one that was asked for.
    fn on_recorded(&mut self, window: RecordedWindow) {
        self.link = ServerLink::Up;
        self.timeline.learn(&window);
        if let Some(damage) = window.damage.filter(|damage| self.damage.as_ref() != Some(damage)) {
            self.damage = Some(damage.clone());
            self.on_done(Outcome::Bad(damage));
        }
        if self.sought.is_some_and(|moment| moment != window.asked) {
            return;
        }
        if self.timeline.take(window.history) {
            // What is derived from the samples before has others now.
            self.shown = ShownMoment::default();
        }
        let Some(moment) = window.moment else { return };
        self.clock = Clock::Held(moment);
        if self.shown.moment() != Some(moment) {
            self.refresh();
        }
    }

    fn on_done(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Good(text) => {
                self.log(text.clone());
                self.message = Some(Message::good(text));
            }
            Outcome::Note(text) => {
                self.log(text.clone());
                self.message = Some(Message::note(text));
            }
            Outcome::Sent(signal) => self.watch_act(&signal),
            Outcome::Unanswered(signal, why) => self.watch_unanswered(&signal, &why),
            Outcome::Bad(text) => {
                self.log(text.clone());
                self.message = Some(Message::bad(text));
            }
        }
    }

    /// Derives everything that is shown from the moment the clock is at.
    pub(super) fn refresh(&mut self) {
        let Some(moment) = self.clock.moment(&self.timeline) else { return };
        // One that is not in memory is shown when the shell has loaded it.
        let Some(snapshot) = self.timeline.at(moment) else { return };
        if self.shown.is(moment, snapshot) {
            return self.refresh_pane();
        }
        if self.timeline.is_recorded() {
            self.facts = Some(Arc::clone(&snapshot.server));
        }
        let older = self.timeline.step(moment, -30).and_then(|older| self.timeline.at(older));
        let readings = self.readings_of(snapshot);
        // What is derived anew takes the memory of what it replaces.
        self.shown.seen = None;
        self.shown = ShownMoment {
            vitals: readings.vitals(Past { history: self.timeline.history(), moment }).clone(),
            findings: findings::check(&findings::RuleInput::new(&readings, older.map(Arc::as_ref))),
            seen: Some((moment, readings)),
            ..ShownMoment::default()
        };
        self.refresh_pane();
    }

    /// Returns what the newest snapshot means.
    pub(super) fn newest(&self) -> Option<Rc<Readings>> {
        self.timeline.history().newest().map(|newest| self.readings_of(newest))
    }

    /// Returns what a snapshot means: what is shown already is not decoded again.
    fn readings_of(&self, snapshot: &Arc<Snapshot>) -> Rc<Readings> {
        let shown = self.shown.seen.as_ref().map(|(_, readings)| readings);
        match shown {
            Some(shown) if Arc::ptr_eq(shown.snapshot(), snapshot) => Rc::clone(shown),
            Some(shown) => Readings::beside(shown, Arc::clone(snapshot)),
            None => Readings::of(Arc::clone(snapshot)),
        }
    }

    /// Derives the shown pane alone.
    pub(super) fn refresh_pane(&mut self) {
        self.shown.is_live = self.clock == Clock::Live;
        let Some(view) = self.shown.view(self.timeline.history(), &self.filter) else { return };
        self.crumbs = view.crumbs();
        if let Some(pane) = self.panes.shown_mut() {
            pane.refresh(&view);
        }
        self.refresh_inspected();
    }

    fn on_key(&mut self, key: &KeyEvent) {
        if key_name(key).as_deref() == Some("Ctrl-c") {
            return self.ask_shell(Effect::Quit);
        }
        let is_typing = self.layers.is_empty() && self.pane().is_some_and(|pane| pane.typing().is_some());
        if key_name(key).as_deref() == Some("Ctrl-z") && !is_typing {
            return self.ask_shell(Effect::Suspend);
        }
        if let Some(layer) = self.layers.last_mut() {
            let answer = layer.key(key);
            return self.answer(answer);
        }
        self.message = None;
        if let Some(pane) = self.pane().filter(|pane| pane.typing().is_some()) {
            let request = pane.type_in(key);
            self.refresh_pane();
            return self.grant(request);
        }
        if let Some(binding) = binding_for(key, self.panes.spec(), self.panes.specs()) {
            self.act_on(&binding);
        }
    }

    /// Does what a binding asks for, if it is offered.
    pub(super) fn act_on(&mut self, binding: &Binding) {
        if self.may(binding) {
            return self.act(binding.action);
        }
        self.message = Some(Message::bad(match self.start.origin {
            SampleOrigin::Server => "--read-only forbids it: pgdj changes nothing on this server",
            SampleOrigin::Recording | SampleOrigin::Played if binding.needs == ActionNeeds::Server => {
                "This is a recording: there is no server to ask."
            }
            SampleOrigin::Recording | SampleOrigin::Played => "This is a recording: there is no server to act on.",
        }));
    }

    /// Does an action.
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Quit => self.ask_shell(Effect::Quit),
            Action::Suspend => self.ask_shell(Effect::Suspend),
            Action::Show(pane) => self.show(pane),
            Action::NextPane => self.show(self.panes.neighbour(1)),
            Action::PreviousPane => self.show(self.panes.neighbour(-1)),
            Action::Pause => self.set_clock(self.clock.toggle(&self.timeline)),
            Action::Back => self.set_clock(self.clock.step(&self.timeline, -1)),
            Action::Forward => self.set_clock(self.clock.step(&self.timeline, 1)),
            Action::BackTen => self.set_clock(self.clock.step(&self.timeline, -10)),
            Action::ForwardTen => self.set_clock(self.clock.step(&self.timeline, 10)),
            Action::FirstMoment => self.hold(self.timeline.range().map(|range| *range.start())),
            Action::LastMoment => self.go_to_last(),
            Action::WorstMoment => {
                let worst = self.timeline.worst();
                self.hold(worst.map(|(moment, _)| moment));
                if let Some((moment, load)) = worst {
                    let at = self.timeline.history().at(moment).map(|sample| sample.at);
                    let around = at.map(|at| super::screen::clock_text_in(at, self.start.zone.clone()));
                    let around = around.map(|around| format!(" around {around}")).unwrap_or_default();
                    let text = format!(
                        "Worst minute{around}: {load:.1} active sessions on average; shown is its worst sample, which Load marks"
                    );
                    self.message = Some(Message::note(text));
                }
            }
            Action::Faster => self.change_pace(-1),
            Action::Slower => self.change_pace(1),
            Action::ReadNow => self.ask_shell(Effect::ReadNow),
            Action::Help => {
                let columns = self.pane().map(|pane| pane.columns()).unwrap_or_default();
                self.layers.push(Layer::help(self.panes.spec(), self.panes.specs(), &columns));
            }
            Action::Palette => self.layers.push(Layer::palette(self.panes.spec(), self.panes.specs())),
            Action::Themes => self.open_themes(),
            Action::Journal => self.layers.push(Layer::Document(Detail::new(self.journal_document()))),
            Action::Filter => self.open_filter(),
            Action::Sort => self.open_sort(),
            Action::Close => self.close(),
            Action::Widen => self.widen(),
            Action::Inspect => self.inspect(),
            Action::Copy | Action::CopyRow => self.copy(action),
            _ => self.act_in_pane(action),
        }
    }

    pub(super) fn show(&mut self, pane: PaneId) {
        self.panes.show(pane);
        self.refresh_pane();
        if let Some(list) = self.pane().and_then(|pane| pane.list()) {
            list.mark_seen();
        }
    }

    fn set_clock(&mut self, clock: Clock) {
        if self.timeline.is_recorded() {
            let Clock::Held(moment) = clock else { return };
            // One in memory too: the shell reads on around the moment that is shown.
            self.sought = Some(moment);
            self.ask_shell(Effect::Seek(moment));
        }
        self.clock = clock;
        self.refresh();
    }

    /// Goes on live; in a recording, to its last sample.
    fn go_to_last(&mut self) {
        let last = self.timeline.range().filter(|_| self.timeline.is_recorded()).map(|range| *range.end());
        self.set_clock(last.map_or(Clock::Live, Clock::Held));
    }

    /// Holds at a moment, if there is one to hold at.
    fn hold(&mut self, moment: Option<Moment>) {
        match moment {
            Some(moment) => self.set_clock(Clock::Held(moment)),
            None => self.message = Some(Message::note("No load is known yet")),
        }
    }

    /// Whether a moment is held that is too old to act on.
    fn is_long_past(&self) -> bool {
        let newest = self.timeline.history().newest().map_or(0.0, |newest| newest.at.0);
        let shown = self.shown.snapshot().map_or(newest, |shown| shown.at.0);
        matches!(self.clock, Clock::Held(_)) && newest - shown > LONG_PAST
    }

    fn change_pace(&mut self, step: isize) {
        let here = PACES.iter().position(|pace| *pace >= self.pace.0).unwrap_or(PACES.len() - 1);
        let there = here.saturating_add_signed(step).min(PACES.len() - 1);
        let Some(pace) = PACES.get(there).copied() else { return };
        self.pace = Seconds(pace);
        self.message = Some(Message::note(format!("A sample every {}", Seconds(pace))));
        self.ask_shell(Effect::Pace(Seconds(pace)));
    }

    /// `Esc`: the job that a person waits for goes first, then what the pane has open, the filter, the held moment.
    fn close(&mut self) {
        if self.cancel_job_of_pane(true) {
            return;
        }
        if let Some(request) = self.pane().and_then(|pane| pane.close()) {
            self.refresh_pane();
            return self.grant(request);
        }
        if self.cancel_job_of_pane(false) {
            return;
        }
        let filtered = self.pane().and_then(|pane| pane.list()).filter(|list| !list.filter().is_empty());
        if let Some(list) = filtered {
            list.set_filter("");
        } else {
            self.set_clock(Clock::Live);
        }
    }

    fn inspect(&mut self) {
        let Some(view) = self.shown.view(self.timeline.history(), &self.filter) else { return };
        let Some(pane) = self.panes.shown_mut() else { return };
        let request = match pane.act(Action::Inspect, &view) {
            PaneRequest::Nothing => pane.inspect(&view).map_or(PaneRequest::Nothing, PaneRequest::Open),
            request => request,
        };
        if let PaneRequest::Open(document) = &request {
            self.inspected = Some(InspectedRow { title: document.title.clone(), read_at: view.newer.at });
        }
        self.grant(request);
    }

    fn copy(&mut self, action: Action) {
        let view = self.shown.view(self.timeline.history(), &self.filter);
        let pane = self.panes.shown_mut();
        let copied = pane.and_then(|pane| match action {
            Action::CopyRow => {
                let whole = pane.copy_whole();
                whole.or_else(|| pane.list()?.selected_json().map(|text| (text, "the row".to_owned())))
            }
            _ => pane.copy(view.as_ref()),
        });
        if let Some((text, what)) = copied {
            self.ask_shell(Effect::Copy { text, what });
        }
    }

    pub(super) fn act_in_pane(&mut self, action: Action) {
        let Some(view) = self.shown.view(self.timeline.history(), &self.filter) else { return };
        let Some(pane) = self.panes.shown_mut() else { return };
        if let Some(list) = pane.list()
            && list.act(action)
        {
            pane.moved();
            return;
        }
        let request = pane.act(action, &view);
        pane.refresh(&view);
        self.grant(request);
    }

    /// Does what a pane requests.
    pub(super) fn grant(&mut self, request: PaneRequest) {
        match request {
            PaneRequest::Nothing => {}
            PaneRequest::Do(Effect::Start(id, job)) => self.start_job(id, job),
            PaneRequest::Do(Effect::Cancel(id)) => self.cancel_job(id),
            PaneRequest::Do(effect) => self.ask_shell(effect),
            PaneRequest::Open(document) => self.layers.push(Layer::Document(Detail::new(document))),
            PaneRequest::Ask { then: Effect::Signal(_) | Effect::Signals(_), .. } if self.is_long_past() => {
                self.message = Some(Message::note(
                    "What is shown is over: press Space to go back to live, and act on what is there now".to_owned(),
                ));
            }
            PaneRequest::Ask { mut about, question, then } => {
                if matches!(then, Effect::Signal(_) | Effect::Signals(_))
                    && let Some(snapshot) = self.shown.snapshot()
                {
                    let read = snapshot.section("activity").reading().map_or(snapshot.at, |reading| reading.at);
                    about.pair("as of", &super::screen::clock_text_in(read, self.start.zone.clone()));
                }
                self.layers.push(Layer::ask(&about, question, then));
            }
            PaneRequest::Say(text) => self.message = Some(Message::note(text)),
            PaneRequest::Report(message) => {
                self.log(message.text.clone());
                self.message = Some(message);
            }
            PaneRequest::All(requests) => {
                for request in requests {
                    self.grant(request);
                }
            }
            PaneRequest::Hold(time) => self.hold(self.timeline.nearest(time)),
            PaneRequest::Fill(form) => self.layers.push(Layer::Form(form)),
            PaneRequest::Pick(choice) => self.layers.push(Layer::choice(choice)),
            PaneRequest::Narrow(condition) => {
                self.filter.narrow(condition);
                self.refresh_pane();
            }
            PaneRequest::Widen => {
                self.filter.widen();
                self.refresh_pane();
            }
            PaneRequest::Go(pane, subject) => self.go(pane, subject),
        }
    }

    /// Shows a pane with a subject.
    fn go(&mut self, pane: PaneId, subject: PaneSubject) {
        self.show(pane);
        let Some(pane) = self.pane() else { return };
        match subject {
            PaneSubject::Nothing => {}
            PaneSubject::Row(key) => {
                let is_there = pane.select(&key);
                pane.moved();
                if !is_there {
                    self.message = Some(Message::bad("Its row is no longer listed"));
                }
                self.refresh_preview();
            }
            subject @ PaneSubject::Statement(_) => {
                let request = pane.open(subject);
                self.refresh_pane();
                self.grant(request);
            }
        }
    }

    fn on_paste(&mut self, text: &str) {
        if let Some(layer) = self.layers.last_mut() {
            let answer = layer.paste(text);
            return self.answer(answer);
        }
        let request = self.pane().map_or(PaneRequest::Nothing, |pane| pane.paste(text));
        self.refresh_pane();
        self.grant(request);
    }
}
