//! Counts the actions that an encrypted expression takes, and squeezes it (SPEC R160, R161, R190).
//!
//! # What counts
//!
//! An action is a ciphertext that the client makes, or a circuit that the miner evaluates: an operator on ciphertexts
//! that costs at least one bootstrap. Clear numbers and the decryption of the answer are no actions. Unsqueezed, every
//! variable is a ciphertext and every operator a circuit, since on whole encrypted integers even an addition has to
//! bring its carries back with bootstraps. So `(a+b)+(c*d)+(e*f)` takes 6 ciphertexts and 5 circuits: 11 actions.
//!
//! # What the passes do
//!
//! - *fold*: encryption is linear, so a sum of the client's own variables, times clear numbers, is taken before it is
//!   encrypted: one ciphertext, no circuit.
//! - *pack*: two operands of a product travel in one ciphertext as `x + span * y`; one table gives the product.
//! - *fuse*: sums and multiples of ciphertexts stay leveled, inside the table or the answer that takes them: no circuit.
//! - *share*: an expression that occurs twice is evaluated once.
//!
//! With all of them the expression above takes 3 ciphertexts (`a+b`; `c` with `d`; `e` with `f`) and 2 tables: 5 actions.
//! [`Expression::squeeze`] makes the graph that has just these inputs and bootstraps, so that the count is the
//! compiler's and the encrypted run's own.

mod lower;
mod parse;
mod task;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use lower::Squeezed;

/// Most nodes of an expression.
pub const MAX_NODES: usize = 512;

type NodeId = usize;

/// A node of an expression; operands come before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Variable(String),
    Constant(i64),
    Add(NodeId, NodeId),
    Subtract(NodeId, NodeId),
    Multiply(NodeId, NodeId),
}

/// Sums, differences and products of variables and whole numbers.
///
/// ```
/// use zk_llm::actions::{Expression, Passes};
/// let expression: Expression = "(a+b)+(c*d)+(e*f)".parse().unwrap();
/// assert_eq!(expression.actions(Passes::NONE).total(), 11);
/// assert_eq!(expression.actions(Passes::ALL).total(), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// Nodes of the tree; variables and constants occur once.
    nodes: Vec<Node>,
    root: NodeId,
}

/// Which passes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passes {
    /// Sums of variables are taken before encryption.
    pub fold: bool,
    /// Both operands of a product are in one ciphertext.
    pub pack: bool,
    /// Sums of ciphertexts are leveled.
    pub fuse: bool,
    /// What occurs twice is evaluated once.
    pub share: bool,
}

impl Passes {
    /// No pass.
    pub const NONE: Self = Self {
        fold: false,
        pack: false,
        fuse: false,
        share: false,
    };
    /// Every pass.
    pub const ALL: Self = Self {
        fold: true,
        pack: true,
        fuse: true,
        share: true,
    };
}

/// What an expression takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions {
    /// Ciphertexts that the client makes.
    pub encryptions: usize,
    /// Circuits that the miner evaluates.
    pub operations: usize,
}

impl Actions {
    /// Both together.
    pub fn total(self) -> usize {
        self.encryptions + self.operations
    }
}

/// Who can compute a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Anyone: no variable in it.
    Clear,
    /// The client, before encryption: a sum of multiples of its variables.
    Linear,
    /// The miner.
    Encrypted,
}

/// What one ciphertext holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ciphertext {
    /// A sum of nodes, each with its sign.
    Sum(Vec<(NodeId, bool)>),
    /// Both operands of a product.
    Pair(NodeId, NodeId),
}

impl Expression {
    /// Counts ciphertexts and circuits under some passes.
    pub fn actions(&self, passes: Passes) -> Actions {
        let shared = self.shared();
        let expression = if passes.share { &shared } else { self };
        let plan = Plan::new(expression, passes);
        Actions {
            encryptions: plan.ciphertexts.len(),
            operations: plan.operations,
        }
    }

    /// Names of the variables, in order.
    pub fn variables(&self) -> BTreeSet<&str> {
        self.nodes
            .iter()
            .filter_map(|node| match node {
                Node::Variable(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The value for values of the variables; `None` if one is missing or a number grows too large.
    pub fn evaluate(&self, values: &BTreeMap<&str, i64>) -> Option<i64> {
        let mut all: Vec<i64> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let of = |id: &NodeId| all[*id];
            all.push(match node {
                Node::Variable(name) => *values.get(name.as_str())?,
                Node::Constant(value) => *value,
                Node::Add(a, b) => of(a).checked_add(of(b))?,
                Node::Subtract(a, b) => of(a).checked_sub(of(b))?,
                Node::Multiply(a, b) => of(a).checked_mul(of(b))?,
            });
        }
        all.get(self.root).copied()
    }

    fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            kinds.push(match node {
                Node::Variable(_) => Kind::Linear,
                Node::Constant(_) => Kind::Clear,
                Node::Add(a, b) | Node::Subtract(a, b) => kinds[*a].max(kinds[*b]),
                Node::Multiply(a, b) => match (kinds[*a], kinds[*b]) {
                    (Kind::Linear, Kind::Linear) => Kind::Encrypted,
                    (a, b) => a.max(b),
                },
            });
        }
        kinds
    }

    /// The same expression with equal parts as one node.
    fn shared(&self) -> Self {
        let mut known: BTreeMap<Node, NodeId> = BTreeMap::new();
        let mut nodes = vec![];
        let mut new: Vec<NodeId> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let ordered = |a: &NodeId, b: &NodeId| (new[*a].min(new[*b]), new[*a].max(new[*b]));
            let node = match node {
                Node::Add(a, b) => {
                    let (a, b) = ordered(a, b);
                    Node::Add(a, b)
                }
                Node::Multiply(a, b) => {
                    let (a, b) = ordered(a, b);
                    Node::Multiply(a, b)
                }
                Node::Subtract(a, b) => Node::Subtract(new[*a], new[*b]),
                leaf => leaf.clone(),
            };
            new.push(*known.entry(node.clone()).or_insert_with(|| {
                nodes.push(node);
                nodes.len() - 1
            }));
        }
        Self {
            root: new[self.root],
            nodes,
        }
    }
}

/// What is encrypted and what is evaluated.
struct Plan<'a> {
    expression: &'a Expression,
    kinds: Vec<Kind>,
    passes: Passes,
    ciphertexts: BTreeSet<Ciphertext>,
    /// Products that the miner evaluates, each after those it needs.
    products: Vec<NodeId>,
    operations: usize,
    seen: BTreeSet<NodeId>,
}

impl<'a> Plan<'a> {
    fn new(expression: &'a Expression, passes: Passes) -> Self {
        let mut plan = Self {
            expression,
            kinds: expression.kinds(),
            passes,
            ciphertexts: BTreeSet::new(),
            products: vec![],
            operations: 0,
            seen: BTreeSet::new(),
        };
        plan.visit(expression.root);
        plan
    }

    /// Whether a node is encrypted as it is.
    fn is_leaf(&self, id: NodeId) -> bool {
        let variable = matches!(self.expression.nodes[id], Node::Variable(_));
        variable || (self.passes.fold && self.kinds[id] == Kind::Linear)
    }

    /// The ciphertext that holds both operands of a product, if one does.
    fn pair(&self, a: NodeId, b: NodeId) -> Option<Ciphertext> {
        let packed = self.passes.pack && self.is_leaf(a) && self.is_leaf(b);
        packed.then(|| Ciphertext::Pair(a.min(b), a.max(b)))
    }

    fn visit(&mut self, id: NodeId) {
        if self.kinds[id] == Kind::Clear || !self.seen.insert(id) {
            return;
        }
        if self.is_leaf(id) {
            self.ciphertexts.insert(Ciphertext::Sum(vec![(id, true)]));
            return;
        }
        match self.expression.nodes[id] {
            Node::Multiply(a, b) if self.kinds[a] != Kind::Clear && self.kinds[b] != Kind::Clear => {
                match self.pair(a, b) {
                    Some(pair) => {
                        self.ciphertexts.insert(pair);
                    }
                    None => {
                        self.visit(a);
                        self.visit(b);
                    }
                }
                self.products.push(id);
                self.operations += 1;
            }
            Node::Add(..) | Node::Subtract(..) if self.passes.fold && self.passes.fuse => {
                let (leaves, others) = self.summands(id);
                if !leaves.is_empty() {
                    self.ciphertexts.insert(Ciphertext::Sum(leaves));
                }
                others.into_iter().for_each(|(other, _)| self.visit(other));
            }
            Node::Multiply(a, b) | Node::Add(a, b) | Node::Subtract(a, b) => {
                self.visit(a);
                self.visit(b);
                self.operations += usize::from(!self.passes.fuse);
            }
            Node::Variable(_) | Node::Constant(_) => {}
        }
    }

    /// The summands of a sum with their signs: those that the client adds up, and the others.
    fn summands(&self, id: NodeId) -> (Vec<(NodeId, bool)>, Vec<(NodeId, bool)>) {
        let (mut leaves, mut others) = (vec![], vec![]);
        let mut pending = vec![(id, true)];
        while let Some((id, sign)) = pending.pop() {
            match self.expression.nodes[id] {
                _ if self.is_leaf(id) => leaves.push((id, sign)),
                Node::Add(a, b) => pending.extend([(a, sign), (b, sign)]),
                Node::Subtract(a, b) => pending.extend([(a, sign), (b, !sign)]),
                _ => others.push((id, sign)),
            }
        }
        leaves.sort_unstable();
        (leaves, others)
    }
}
