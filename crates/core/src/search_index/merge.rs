use std::collections::VecDeque;
use std::ops::Range;

use super::{Block, CorruptIndex, block, postings};

/// Merges sorted segments into one, a few blocks of each at a time.
///
/// [`Merger::step`] says what it wants; [`Merger::give`] gives it the blocks.
#[derive(Debug)]
pub struct Merger {
    sources: Vec<Source>,
    live: Option<Vec<(u64, u64)>>,
    writer: block::Writer,
    encoded: Vec<u8>,
}

/// What a [`Merger`] does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// It needs the next blocks of this segment.
    Need(usize),
    /// The merged segment's next block.
    Block(Block),
    /// That was all.
    Done,
}

#[derive(Debug, Default)]
struct Source {
    next: VecDeque<Vec<u8>>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Hungry,
    /// A block, with the term that comes next: where it stands in the block is
    /// after that term, and where its postings are.
    Open {
        data: Vec<u8>,
        at: usize,
        term: Vec<u8>,
        postings: Range<usize>,
    },
    Ended,
}

impl Merger {
    /// Of so many segments.
    #[must_use]
    pub fn new(segments: usize) -> Self {
        Self {
            sources: (0..segments).map(|_| Source::default()).collect(),
            live: None,
            writer: block::Writer::default(),
            encoded: Vec::new(),
        }
    }

    /// Leaves out what is not in these runs of documents, `[from, to)` each,
    /// in order, none touching the next.
    #[must_use]
    pub fn only(mut self, live: Vec<(u64, u64)>) -> Self {
        self.live = Some(live);
        self
    }

    /// The next blocks of the segment that [`Step::Need`] names; none where it
    /// has no more.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn push_blocks(
        &mut self,
        segment: usize,
        blocks: Vec<Vec<u8>>,
    ) -> Result<(), CorruptIndex> {
        let Some(source) = self.sources.get_mut(segment) else {
            return Ok(());
        };
        if blocks.is_empty() {
            source.state = State::Ended;
            return Ok(());
        }
        source.next = blocks.into();
        source.advance()
    }

    /// Goes on until it wants something.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn step(&mut self) -> Result<Step, CorruptIndex> {
        loop {
            let hungry = |source: &Source| matches!(source.state, State::Hungry);
            if let Some(segment) = self.sources.iter().position(hungry) {
                return Ok(Step::Need(segment));
            }
            let Some(least) = self.sources.iter().filter_map(Source::term).min() else {
                let last = self.writer.finish();
                return Ok(last.map_or(Step::Done, Step::Block));
            };
            let least = least.to_vec();
            let with_it = self
                .sources
                .iter()
                .filter(|source| source.term() == Some(&least));
            let found: Vec<&[u8]> = with_it.filter_map(Source::postings).collect();
            let full = match found[..] {
                [only] if self.live.is_none() => self.writer.push(&least, only),
                _ => {
                    self.encoded.clear();
                    postings::merge(&found, self.live.as_deref(), &mut self.encoded)?;
                    match self.encoded.is_empty() {
                        true => None,
                        false => self.writer.push(&least, &self.encoded),
                    }
                }
            };
            for source in &mut self.sources {
                if source.term() == Some(&least) {
                    source.advance()?;
                }
            }
            if let Some(block) = full {
                return Ok(Step::Block(block));
            }
        }
    }
}

impl Source {
    fn term(&self) -> Option<&[u8]> {
        match &self.state {
            State::Open { term, .. } => Some(term),
            _ => None,
        }
    }

    fn postings(&self) -> Option<&[u8]> {
        match &self.state {
            State::Open { data, postings, .. } => data.get(postings.clone()),
            _ => None,
        }
    }

    /// Goes to the next term, in the next block at the end of this one.
    fn advance(&mut self) -> Result<(), CorruptIndex> {
        let (mut data, mut at, mut term) = match std::mem::take(&mut self.state) {
            State::Open { data, at, term, .. } => (data, at, term),
            State::Hungry => (Vec::new(), 0, Vec::new()),
            State::Ended => {
                self.state = State::Ended;
                return Ok(());
            }
        };
        while at == data.len() {
            let Some(next) = self.next.pop_front() else {
                return Ok(());
            };
            (data, at) = (next, 0);
            term.clear();
        }
        let mut rest = &data[at..];
        let postings = block::take(&mut rest, &mut term)?.len();
        at = data.len() - rest.len();
        let postings = at - postings..at;
        self.state = State::Open {
            data,
            at,
            term,
            postings,
        };
        Ok(())
    }
}
