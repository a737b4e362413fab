use std::collections::VecDeque;
use std::ops::Range;

use super::{Block, CorruptIndex, block, postings};

/// Merges sorted segments into one, a few blocks of each at a time.
///
/// [`Merger::step`] returns which blocks it needs; [`Merger::push_blocks`] adds them.
#[derive(Debug)]
pub struct Merger {
    sources: Vec<Source>,
    live: Option<Vec<(u64, u64)>>,
    writer: block::Writer,
    encoded: Vec<u8>,
}

/// Result of [`Merger::step`].
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The next blocks of this segment are required.
    Need(usize),
    /// The next block of the merged segment.
    Block(Block),
    /// The merge is complete.
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
    /// A block with its current term: `at` is the position after that term, `postings` the range of
    /// its postings.
    Open {
        data: Vec<u8>,
        at: usize,
        term: Vec<u8>,
        postings: Range<usize>,
    },
    Ended,
}

impl Merger {
    /// Creates a merger for this number of segments.
    #[must_use]
    pub fn new(segments: usize) -> Self {
        Self {
            sources: (0..segments).map(|_| Source::default()).collect(),
            live: None,
            writer: block::Writer::default(),
            encoded: Vec::new(),
        }
    }

    /// Keeps only the documents in these runs, `[from, to)` each, sorted and not adjacent.
    #[must_use]
    pub fn only(mut self, live: Vec<(u64, u64)>) -> Self {
        self.live = Some(live);
        self
    }

    /// Adds the next blocks of the segment that [`Step::Need`] names; an empty list ends the
    /// segment.
    ///
    /// # Errors
    /// [`CorruptIndex`] if the data is not a block.
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

    /// Continues until blocks are required or a merged block is full.
    ///
    /// # Errors
    /// [`CorruptIndex`] if the data is not a block.
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

    /// Moves to the next term, in the next block at the end of this one.
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
