//! Which words of shared memory are watched next: those that change, their neighbours, and now and then any other.
//!
//! What changes is seen by comparing pages with what they were. Pages that no process has touched are left alone: to read
//! them would allocate them.

use crate::race::objects::{Objects, Part};
use crate::system::pages;
use crate::system::processes::Identity;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::ops::Range;

/// How many pages are compared at a time, and of how many it is remembered what they were.
const COMPARED: usize = 64;
const REMEMBERED: usize = 4096;
/// How many words that have changed are kept in mind, and how many that have changed again.
const RECENT: usize = 512;
const OFTEN: usize = 256;
/// How many pages that have changed are kept in mind.
const LIVELY: usize = 64;
/// Words in a page from which not more than so many are taken at once: what is copied there changes as a whole.
const TAKEN: usize = 24;
/// After how many windows in which nobody else came to a word others are better watched.
const TIRED: u32 = 400;
/// How large an object's list of touched pages may be.
const LISTED: u64 = 1 << 16;

/// A page, and how many bytes it has.
type Page = [u8; 4096];
const PAGE: u64 = size_of::<Page>() as u64;

/// Some aligned bytes of an object: 8, or as many as are accessed at once there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Word {
    pub(crate) of: Identity,
    pub(crate) bytes: Range<u64>,
}

impl Word {
    fn at(of: Identity, offset: u64) -> Word {
        let start = offset & !7;
        Word { of, bytes: start..start + 8 }
    }
}

/// What became of watching a word.
#[derive(Clone, Copy, Debug, Default)]
struct History {
    windows: u32,
    /// How often nobody came to it at all.
    unused: u32,
}

/// Words that were seen to change, the latest last.
#[derive(Debug, Default)]
struct Changed {
    words: VecDeque<Word>,
    known: HashSet<Word>,
}

impl Changed {
    /// Adds one, in the place of the oldest if there are too many; whether it is new.
    fn note(&mut self, word: Word, most: usize) -> bool {
        let is_new = self.known.insert(word.clone());
        if is_new {
            self.words.push_back(word);
            if self.words.len() > most
                && let Some(oldest) = self.words.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        is_new
    }

    fn retain(&mut self, is_there: impl Fn(&Word) -> bool) {
        self.words.retain(&is_there);
        self.known.retain(is_there);
    }
}

/// The choice.
#[derive(Debug)]
pub(crate) struct Words {
    pages: BTreeMap<(Identity, u64), Box<Page>>,
    touched: BTreeMap<Identity, Vec<u64>>,
    /// All of these.
    all: Vec<(Identity, u64)>,
    changed: Changed,
    /// Those that change again and again: in large memory most change once, and nobody comes to them again for long.
    often: Changed,
    /// Pages that were seen to change, the latest last.
    lively: VecDeque<(Identity, u64)>,
    histories: BTreeMap<(Identity, u64), History>,
    /// Bytes that need no watching any more: atomics, the C library's own, and those of races that are told.
    settled: BTreeMap<Identity, Vec<Range<u64>>>,
    /// How many bytes are accessed at once, where it is known.
    sizes: BTreeMap<(Identity, u64), Range<u64>>,
    watched: BTreeSet<(Identity, u64)>,
    random: u64,
}

impl Words {
    pub(crate) fn new(seed: u64) -> Words {
        Words {
            pages: BTreeMap::new(),
            touched: BTreeMap::new(),
            all: Vec::new(),
            changed: Changed::default(),
            often: Changed::default(),
            lively: VecDeque::new(),
            histories: BTreeMap::new(),
            settled: BTreeMap::new(),
            sizes: BTreeMap::new(),
            watched: BTreeSet::new(),
            random: seed | 1,
        }
    }

    /// Looks which pages of the objects are touched.
    pub(crate) fn look_for_pages(&mut self, objects: &Objects) {
        self.touched.clear();
        for (identity, object) in objects.shared() {
            let mut touched = Vec::new();
            let users: Vec<_> = object.parts.iter().collect();
            // A few of them: what one has touched the others mostly have, too.
            for _ in 0..users.len().min(3) {
                let index = self.below(users.len());
                let Some((pid, parts)) = users.get(index) else { continue };
                for part in *parts {
                    let pages = self.some_of(part);
                    touched.extend(pages::present(**pid, &pages).map(|page| page - part.at.start + part.offset));
                }
            }
            touched.sort_unstable();
            touched.dedup();
            self.touched.insert(identity, touched);
        }
        let touched = &self.touched;
        self.pages.retain(|(identity, _), _| touched.contains_key(identity));
        self.all = touched.iter().flat_map(|(identity, pages)| pages.iter().map(|page| (*identity, *page))).collect();
        while self.pages.len() > REMEMBERED {
            let Some(page) = self.remembered() else { break };
            self.pages.remove(&page);
        }
    }

    /// The addresses of a part, or of a piece of it where it is large.
    fn some_of(&mut self, part: &Part) -> Range<u64> {
        let pages = (part.at.end - part.at.start) / PAGE;
        if pages <= LISTED {
            return part.at.clone();
        }
        let first = self.number() % (pages - LISTED);
        let start = part.at.start + first * PAGE;
        start..start + LISTED * PAGE
    }

    /// Compares some pages with what they were.
    pub(crate) fn compare(&mut self, objects: &Objects) {
        let count = self.all.len();
        if count == 0 {
            return;
        }
        let first = if count > COMPARED { self.below(count) } else { 0 };
        for index in 0..count.min(COMPARED) {
            // Those that are remembered come again, so that there is something to compare with; those that change, more often.
            let page = match index % 4 {
                _ if count <= COMPARED => None,
                0 => None,
                1 | 2 => self.a_lively_one(),
                _ => self.remembered(),
            };
            let page = page.or_else(|| self.all.get((first + index) % count).copied());
            if let Some((identity, offset)) = page {
                self.compare_page(objects, identity, offset);
            }
        }
    }

    fn a_lively_one(&mut self) -> Option<(Identity, u64)> {
        let index = self.below(self.lively.len());
        self.lively.get(index).copied()
    }

    /// One of those of which it is remembered what they were.
    fn remembered(&mut self) -> Option<(Identity, u64)> {
        let index = self.below(self.all.len());
        let from = self.all.get(index).copied();
        let next = from.and_then(|from| self.pages.range(from..).next());
        next.or_else(|| self.pages.iter().next()).map(|(page, _)| *page)
    }

    fn compare_page(&mut self, objects: &Objects, identity: Identity, offset: u64) {
        let Some((pid, at)) = objects.place(identity, &(offset..offset + PAGE)) else { return };
        let mut now: Page = [0; _];
        if !pages::read(pid, at.start, &mut now) {
            return;
        }
        let Some(before) = self.pages.get_mut(&(identity, offset)) else {
            self.pages.insert((identity, offset), Box::new(now));
            return;
        };
        // Most have not.
        if **before == now {
            return;
        }
        let words = before.chunks_exact(8).zip(now.chunks_exact(8)).zip(0_u64..);
        let changed: Vec<u64> =
            words.filter(|((before, now), _)| before != now).map(|(_, index)| offset + index * 8).collect();
        **before = now;
        self.note_lively((identity, offset));
        let step = (changed.len() / TAKEN).max(1);
        let skipped = self.below(step);
        for place in changed.into_iter().skip(skipped).step_by(step) {
            let word = Word::at(identity, place);
            if !self.changed.note(word.clone(), RECENT) {
                self.often.note(word, OFTEN);
            }
        }
    }

    fn note_lively(&mut self, page: (Identity, u64)) {
        if !self.lively.contains(&page) {
            self.lively.push_back(page);
            if self.lively.len() > LIVELY {
                self.lively.pop_front();
            }
        }
    }

    /// The next word to watch, none of those that are watched already.
    pub(crate) fn next(&mut self, objects: &Objects, taken: &[Word]) -> Option<Word> {
        for _ in 0..8 {
            let word = match self.below(20) {
                0..14 => self.one_that_changed(),
                14..17 => self.a_neighbour(),
                _ => None,
            };
            let word = word.or_else(|| self.any())?;
            let is_taken = taken.iter().any(|taken| taken.of == word.of && taken.bytes.start & !7 == word.bytes.start);
            let is_shared = || objects.place(word.of, &word.bytes).is_some();
            if !is_taken && !self.is_settled(&word) && is_shared() {
                self.watched.insert((word.of, word.bytes.start));
                return Some(self.narrowed(word));
            }
        }
        None
    }

    /// The least watched of three.
    fn one_that_changed(&mut self) -> Option<Word> {
        let is_often = self.below(2) == 0 && !self.often.words.is_empty();
        let picks: Vec<Word> = (0..3)
            .filter_map(|_| {
                let number = self.number();
                let words = if is_often { &self.often.words } else { &self.changed.words };
                words.get(usize::try_from(number % words.len().max(1) as u64).ok()?).cloned()
            })
            .collect();
        let best = picks.into_iter().min_by_key(|word| {
            let history = self.histories.get(&(word.of, word.bytes.start)).copied().unwrap_or_default();
            history.windows / 8 + history.unused
        })?;
        let history = self.histories.get(&(best.of, best.bytes.start)).copied().unwrap_or_default();
        // What was watched long enough has its turn still, but seldom.
        (history.windows < TIRED || self.below(16) == 0).then_some(best)
    }

    fn a_neighbour(&mut self) -> Option<Word> {
        let index = self.below(self.changed.words.len());
        let word = self.changed.words.get(index).cloned()?;
        let distance = (self.number() % 8 + 1) * 8;
        let page = word.bytes.start / PAGE;
        let start = if self.below(2) == 0 {
            word.bytes.start.checked_add(distance)
        } else {
            word.bytes.start.checked_sub(distance)
        };
        start.filter(|start| start / PAGE == page).map(|start| Word::at(word.of, start))
    }

    /// Any word of a page that is touched: mostly one that is not zero.
    fn any(&mut self) -> Option<Word> {
        let objects: Vec<Identity> =
            self.touched.iter().filter(|(_, pages)| !pages.is_empty()).map(|(identity, _)| *identity).collect();
        let index = self.below(objects.len().max(1));
        let identity = *objects.get(index)?;
        let number = usize::try_from(self.number() % (1 << 30)).unwrap_or_default();
        let pages = self.touched.get(&identity)?;
        let page = *pages.get(number % pages.len().max(1))?;
        let mut places: Vec<u64> = Vec::new();
        if let Some(bytes) = self.pages.get(&(identity, page)) {
            let words = bytes.chunks_exact(8).zip(0_u64..).filter(|(word, _)| word.iter().any(|byte| *byte != 0));
            places = words.map(|(_, index)| page + index * 8).collect();
        }
        let start = if places.is_empty() || self.below(4) == 0 {
            page + self.number() % (PAGE / 8) * 8
        } else {
            let index = self.below(places.len());
            places.get(index).copied()?
        };
        Some(Word::at(identity, start))
    }

    /// The part of a word that is accessed at once, where that is known.
    fn narrowed(&mut self, word: Word) -> Word {
        let key = (word.of, word.bytes.start);
        match self.sizes.get(&key).cloned() {
            Some(bytes) if self.below(4) > 0 => Word { bytes, ..word },
            _ => word,
        }
    }

    /// Which bytes of a word are accessed at once.
    pub(crate) fn note_size(&mut self, word: &Word, bytes: &Range<u64>) {
        let length = bytes.end.saturating_sub(bytes.start);
        let start = word.bytes.start & !7;
        if [1, 2, 4].contains(&length) && bytes.start.is_multiple_of(length) && bytes.start & !7 == start {
            self.sizes.insert((word.of, start), bytes.clone());
        }
    }

    /// An access of 1, 2 or 4 bytes whose place in the word is not known: a part of it is watched next time.
    pub(crate) fn note_unknown_place(&mut self, word: &Word, size: u64) {
        let start = word.bytes.start & !7;
        let part = start + self.number() % (8 / size) * size;
        self.sizes.insert((word.of, start), part..part + size);
    }

    /// A word was watched; whether anybody came to it.
    pub(crate) fn note_watched(&mut self, word: &Word, was_used: bool) {
        let history = self.histories.entry((word.of, word.bytes.start & !7)).or_default();
        history.windows += u32::from(was_used);
        history.unused += u32::from(!was_used);
    }

    /// Some bytes need no watching any more.
    pub(crate) fn settle(&mut self, of: Identity, bytes: Range<u64>) {
        let start = bytes.start & !7;
        let settled = self.settled.entry(of).or_default();
        if !settled.contains(&bytes) {
            settled.push(bytes);
        }
        // What else is in the word is watched by itself.
        if let Some(size) = self.sizes.get(&(of, start))
            && settled.iter().any(|settled| settled.start <= size.start && size.end <= settled.end)
        {
            let other = if size.start == start { start + 4..start + 8 } else { start..start + 4 };
            self.sizes.insert((of, start), other);
        }
    }

    /// Whether all of a word needs no watching.
    fn is_settled(&self, word: &Word) -> bool {
        let Some(settled) = self.settled.get(&word.of) else { return false };
        word.bytes.clone().all(|byte| settled.iter().any(|range| range.contains(&byte)))
    }

    /// Whether one of some bytes needs no watching.
    pub(crate) fn is_any_settled(&self, of: Identity, bytes: &Range<u64>) -> bool {
        let overlaps = |range: &Range<u64>| range.start < bytes.end && bytes.start < range.end;
        self.settled.get(&of).is_some_and(|settled| settled.iter().any(overlaps))
    }

    /// An object is gone, and another may get its number.
    pub(crate) fn forget(&mut self, objects: &Objects) {
        let there: BTreeSet<Identity> = objects.shared().map(|(identity, _)| identity).collect();
        self.changed.retain(|word| there.contains(&word.of));
        self.often.retain(|word| there.contains(&word.of));
        self.lively.retain(|(identity, _)| there.contains(identity));
        self.settled.retain(|identity, _| there.contains(identity));
        self.histories.retain(|(identity, _), _| there.contains(identity));
        self.sizes.retain(|(identity, _), _| there.contains(identity));
    }

    /// How many words were watched.
    pub(crate) fn watched(&self) -> usize {
        self.watched.len()
    }

    /// Whether it is another than the first of so many chances.
    pub(crate) fn chance(&mut self, of: u32) -> bool {
        !self.number().is_multiple_of(u64::from(of.max(1)))
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % (bound.max(1) as u64)).unwrap_or_default()
    }

    /// A number by chance (xorshift).
    fn number(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}
