//! A sweep from its plain runs to its end.

use crate::failure::Failure;
use crate::findings::records::{Kind, Point, Record};
use crate::findings::session::{Ingested, Session};
use crate::form::contract::{Swept, SweptSite};
use crate::outputs::Outputs;
use crate::run::follow::Wait;
use crate::say::say;
use crate::sweep::database::{Database, Known};
use crate::sweep::judge::{Judged, Outcome, judge};
use crate::sweep::plain::Plain;
use crate::sweep::plan::{Choice, Reached, counting, points};
use crate::sweep::planned::Planned;
use crate::sweep::pool::{Made, Pool};
use crate::sweep::runner::{Run, Setting};
use crate::sweep::sites;
use crate::sweep::words::{Teller, quoted};
use crate::system::child;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mapsan_model::{Counted, Rule, Severity};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

/// How often it is looked whether somebody wants it to end.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long what a program leaves running is waited for in a plain run, and where it does not end plainly.
const REST: Duration = Duration::from_secs(10);
const MOMENT: Duration = Duration::from_millis(500);

/// How a sweep is made.
pub(crate) struct Terms<'a> {
    pub(crate) choice: &'a Choice,
    pub(crate) jobs: usize,
    pub(crate) timeout: Option<Duration>,
    /// The severity with which a finding is told that has this one otherwise; `None` if it is not wanted.
    pub(crate) told_severity: &'a dyn Fn(Rule, Severity) -> Option<Severity>,
    /// The program and its arguments, as they were given.
    pub(crate) words: &'a [String],
}

/// A sweep, while it lasts.
pub(crate) struct Campaign<'a> {
    terms: Terms<'a>,
    setting: &'a Setting,
    pool: Pool<'a>,
    pub(crate) session: Session,
    outputs: Outputs,
    database: Option<Database>,
    /// The number of the next run.
    next: usize,
    bar: ProgressBar,
    counts: BTreeMap<(String, String), Counts>,
}

/// What became of the runs of one place.
#[derive(Default)]
struct Counts {
    points: BTreeSet<String>,
    site: SweptSite,
}

/// A run that is to be made, and how often it was in vain.
struct Task {
    planned: Planned,
    tries: u32,
    limit: Duration,
}

/// A sweep that is over.
pub(crate) struct Done {
    pub(crate) session: Session,
    pub(crate) outputs: Outputs,
    pub(crate) swept: Swept,
    pub(crate) ended: std::process::ExitStatus,
}

impl<'a> Campaign<'a> {
    pub(crate) fn new(
        terms: Terms<'a>,
        setting: &'a Setting,
        session: Session,
        outputs: Outputs,
        database: Option<Database>,
    ) -> Campaign<'a> {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let pool = Pool::new(setting);
        Campaign { terms, setting, pool, session, outputs, database, next: 0, bar, counts: BTreeMap::new() }
    }

    /// The two plain runs.
    pub(crate) fn plain(&mut self) -> Result<(Made, Made), Failure> {
        let first = self.make_plain()?;
        self.setting.input.first_is_over();
        if let Some(why) = &first.report.shared {
            let named = first.report.has_named;
            let alone =
                if named && self.terms.jobs > 1 { "; the program makes named ones: one run at a time" } else { "" };
            say!("the runs have their IPC objects and /dev/shm in common with all others: {why}{alone}");
            if named {
                self.terms.jobs = 1;
            }
        }
        if let Some(why) = &first.report.seen.untraced {
            say!("processes can't be traced here ({why}): of those that end by a fault some may go unseen");
        }
        if let Some(status) = first.report.check.filter(|status| *status != 0) {
            return Err(Failure::own(format!("--check says of the plain run that it is not right (status {status})")));
        }
        let second = self.make_plain()?;
        Ok((first, second))
    }

    fn make_plain(&mut self) -> Result<Made, Failure> {
        self.make_without_failure(Vec::new())
    }

    /// Makes a run in which no call fails, with orders that count calls alone.
    fn make_without_failure(&mut self, orders: Vec<String>) -> Result<Made, Failure> {
        let run = Run { number: self.next, orders, limit: None, wait: Wait::AtMost(REST) };
        self.next += 1;
        self.pool.begin(&run)?;
        loop {
            if let Some(made) = self.pool.wait(INTERVAL)?.pop() {
                return Ok(made);
            }
            if child::interruption().is_some() {
                return Err(Failure::own("it was interrupted in the plain run"));
            }
        }
    }

    /// The runs to come, by what the plain ones have reached.
    pub(crate) fn plan(&mut self, plain: &(Made, Made)) -> Result<(Vec<Reached>, Vec<Planned>), Failure> {
        let records = [&plain.0, &plain.1].into_iter().flat_map(|made| &made.records);
        let mut points = points(records.filter_map(|record| match &record.kind {
            Kind::Point(point) => Some((record, &**point)),
            _ => None,
        }));
        if self.terms.choice.each > 1 {
            for orders in counting(&points) {
                let (places, orders): (Vec<usize>, Vec<String>) = orders.into_iter().unzip();
                let made = self.make_without_failure(orders)?;
                for (place, calls) in places.into_iter().zip(made.report.counts) {
                    if let Some(reached) = points.get_mut(place) {
                        reached.calls = calls;
                    }
                }
            }
        }
        let planned = self.terms.choice.plan(&points, &mut self.session.symbols);
        Ok((points, planned))
    }

    /// Leaves out what is known.
    pub(crate) fn unknown(&self, planned: Vec<Planned>) -> Vec<Planned> {
        let is_known = |planned: &Planned| self.database.as_ref().is_some_and(|known| known.known(planned).is_some());
        planned.into_iter().filter(|planned| !is_known(planned)).collect()
    }

    /// Makes all runs, tells what they show, and what is known already.
    pub(crate) fn sweep(mut self, plain: &(Made, Made)) -> Result<Done, Failure> {
        self.tell_plain(&plain.0);
        let (points, planned) = self.plan(plain)?;
        for reached in &points {
            self.count(&reached.point, |_| {});
        }
        if points.is_empty() {
            say!("the program has made none of the calls that can be made to fail");
        }
        let ended = plain.0.report.ended();
        let input = self.setting.input.name().map(|path| format!(" < {}", quoted(&path.to_string_lossy())));
        let command = self.terms.words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let teller = Teller {
            plain: Plain::of(&plain.0, &plain.1),
            main: plain.0.report.pid,
            command: command + &input.unwrap_or_default(),
            points,
        };
        let limit = self.terms.timeout.unwrap_or_else(|| teller.plain.limit());
        let database = self.database.take();
        let mut tasks = VecDeque::new();
        for planned in planned {
            match database.as_ref().and_then(|database| database.known(&planned)) {
                Some(known) => self.tell_known(&planned, known),
                None => tasks.push_back(Task { planned, tries: 0, limit }),
            }
        }
        self.database = database;
        if self.database.is_some() {
            let without = tasks.iter().filter_map(|task| task.planned.without_build_id());
            for object in without.map(str::to_owned).collect::<BTreeSet<_>>() {
                say!(
                    "'{object}' has no build id, which tells whether it has changed: link it with -Wl,--build-id, or its runs \
                      are made each time"
                );
            }
        }
        let cut_short = self.make_all(tasks, &teller)?;
        self.bar.finish_and_clear();
        let Campaign { session, outputs, counts, setting, .. } = self;
        let mut session = session;
        let never_reached = sites::never_reached(&setting.prepared.program.path, &teller.points, &mut session.symbols);
        let in_order = teller.points.iter().map(|reached| site_key(&reached.point));
        let mut seen = BTreeSet::new();
        let mut counts = counts;
        let sites = in_order.filter(|key| seen.insert(key.clone())).filter_map(|key| counts.remove(&key));
        // What no correct program meets a failure of has no runs.
        let sites = sites.filter(|counts| counts.site.runs > 0);
        let sites = sites.map(|counts| SweptSite { points: counts.points.len() as u64, ..counts.site }).collect();
        Ok(Done { session, outputs, swept: Swept { sites, never_reached, cut_short }, ended })
    }

    /// Makes the runs, several at once; why it has ended before the last.
    fn make_all(&mut self, mut tasks: VecDeque<Task>, teller: &Teller) -> Result<Option<String>, Failure> {
        self.bar.set_length(tasks.len() as u64);
        let style = ProgressStyle::with_template("sweep: {bar:30} {pos} of {len} runs, {eta} left");
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let mut running: BTreeMap<usize, Task> = BTreeMap::new();
        let mut over: Vec<Made> = Vec::new();
        while !tasks.is_empty() || !running.is_empty() {
            while self.pool.len() < self.terms.jobs.max(1)
                && let Some(task) = tasks.pop_front()
            {
                let number = self.next;
                self.next += 1;
                let wait = if teller.plain.leaves_processes { Wait::AtMost(MOMENT) } else { Wait::ToTheEnd };
                let orders = vec![task.planned.order()];
                self.pool.begin(&Run { number, orders, limit: Some(task.limit), wait })?;
                running.insert(number, task);
            }
            // The next ones run already, while it is told what these have shown.
            self.take_all(std::mem::take(&mut over), &mut running, &mut tasks, teller)?;
            if self.pool.len() > 0 {
                over = self.pool.wait(INTERVAL)?;
            }
            self.bar.tick();
            if child::interruption().is_some() {
                self.take_all(over, &mut running, &mut tasks, teller)?;
                let left = Counted((tasks.len() + running.len()) as u64, "run");
                return Ok(Some(format!("interrupted: {left} of the plan not made")));
            }
        }
        Ok(None)
    }

    /// Takes in runs that were made.
    fn take_all(
        &mut self,
        over: Vec<Made>,
        running: &mut BTreeMap<usize, Task>,
        tasks: &mut VecDeque<Task>,
        teller: &Teller,
    ) -> Result<(), Failure> {
        for made in over {
            if let Some(task) = running.remove(&made.number)
                && let Some(again) = self.take(task, &made, teller)?
            {
                tasks.push_back(again);
            }
        }
        Ok(())
    }

    /// Takes a run in that was made; it is to be made again where it has shown nothing.
    fn take(&mut self, task: Task, made: &Made, teller: &Teller) -> Result<Option<Task>, Failure> {
        let judged = judge(&task.planned, made, &teller.plain);
        let is_first_try = task.tries == 0;
        // What is not there once may be there the next time.
        let is_in_vain = judged.outcome == Outcome::Unreached;
        // Who runs on may only be slow.
        let is_busy = judged.outcome == Outcome::Hang && made.report.seen.waiting.iter().any(|waiting| waiting.runs);
        if is_first_try && (is_in_vain || is_busy) {
            let limit = if is_busy { task.limit * 2 } else { task.limit };
            return Ok(Some(Task { tries: 1, limit, ..task }));
        }
        self.bar.inc(1);
        self.tell(&task.planned, made, &judged, teller)?;
        Ok(None)
    }

    /// Tells what a run has shown.
    fn tell(&mut self, planned: &Planned, made: &Made, judged: &Judged<'_>, teller: &Teller) -> Result<(), Failure> {
        let told = |finding: &str, severity: &str| {
            let rule = Rule::from_name(finding).zip(Severity::from_name(severity));
            rule.is_none_or(|(rule, severity)| (self.terms.told_severity)(rule, severity).is_some())
        };
        let mut findings = teller.findings(planned, made, judged, &mut self.session.symbols);
        findings.retain(|record| match &record.kind {
            Kind::Finding(finding) => told(&finding.rule, &finding.severity),
            _ => false,
        });
        for (record, line) in made.records.iter().zip(&made.lines) {
            if matches!(record.kind, Kind::Injected(_)) {
                self.outputs.write_record(line);
            }
        }
        let rules = rules_of(&findings);
        let point = planned.record(made.report.pid, Some(judged.outcome.name()), rules);
        if let Some(database) = &mut self.database {
            database.write(&findings, &point)?;
        }
        for finding in &findings {
            self.show(finding);
        }
        self.outputs.write_record(&point.line());
        self.count(&planned.point, |site| site.add(judged.outcome));
        if judged.outcome == Outcome::Unreached {
            let name = sites::name(&planned.point, &mut self.session.symbols);
            self.bar.suspend(|| {
                say!("{name} was not reached again in two runs ({}): what its failure does is not known", planned.what);
            });
        }
        Ok(())
    }

    /// Tells again what is known of a run.
    fn tell_known(&mut self, planned: &Planned, known: &Known) {
        let rules = rules_of(&known.findings);
        let point = planned.record(self.session.main.unwrap_or(0), Some(known.outcome.name()), rules);
        for finding in &known.findings {
            self.show(finding);
        }
        self.outputs.write_record(&point.line());
        self.count(&planned.point, |site| site.add(known.outcome));
    }

    /// Shows a finding, if it is new.
    fn show(&mut self, record: &Record) {
        if let Some(found) = self.session.ingest_at_the_end(record) {
            let (bar, outputs, session) = (&self.bar, &mut self.outputs, &mut self.session);
            bar.suspend(|| outputs.write_finding(&found, session));
            self.outputs.write_record(&record.line());
        }
    }

    /// Tells what is found plainly, as `run` does.
    fn tell_plain(&mut self, made: &Made) {
        self.session.main = Some(made.report.pid);
        self.session.private = made.report.shared.is_none();
        self.session.private_objects = self.session.private;
        for (record, line) in made.records.iter().zip(&made.lines) {
            match (self.session.ingest(record), &record.kind) {
                (_, Kind::Point(_)) => continue,
                (Ingested::New(found), _) => self.outputs.write_finding(&found, &mut self.session),
                (Ingested::Later, _) => {
                    self.session.left_findings.pop();
                    if let Some(found) = self.session.ingest_at_the_end(record) {
                        self.outputs.write_finding(&found, &mut self.session);
                    }
                }
                (Ingested::Silent, _) => {}
            }
            self.outputs.write_record(line);
        }
        let exited = made.report.ended().signal().is_none().then_some(made.report.pid);
        self.session.note_unended(|pid| exited.is_none() && pid == made.report.pid, exited);
    }

    /// Counts for the place of a point.
    fn count(&mut self, point: &Point, add: impl FnOnce(&mut SweptSite)) {
        let symbols = &mut self.session.symbols;
        let counts = self.counts.entry(site_key(point)).or_insert_with(|| {
            let name = sites::name(point, symbols);
            Counts { points: BTreeSet::new(), site: SweptSite { name, ..SweptSite::default() } }
        });
        counts.points.insert(point.stack_hash.clone());
        add(&mut counts.site);
    }
}

impl SweptSite {
    fn add(&mut self, outcome: Outcome) {
        self.runs += 1;
        *match outcome {
            Outcome::Died | Outcome::Used => &mut self.died,
            Outcome::Hang => &mut self.hung,
            Outcome::Silent => &mut self.silent,
            Outcome::Lock | Outcome::Leak | Outcome::Clean | Outcome::Same => &mut self.survived,
            Outcome::Unreached => &mut self.unreached,
        } += 1;
    }
}

fn site_key(point: &Point) -> (String, String) {
    (point.call.function.clone(), point.site.clone())
}

fn rules_of(findings: &[Record]) -> Vec<String> {
    let rules = findings.iter().filter_map(|record| match &record.kind {
        Kind::Finding(finding) => Some(finding.rule.clone()),
        _ => None,
    });
    rules.collect::<BTreeSet<_>>().into_iter().collect()
}
