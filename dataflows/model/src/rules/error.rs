//! What can be wrong with a rule file, where, and what to do about it.
//!
//! Invariant: a code never changes its meaning once released; messages and hints may be reworded.

use super::fields::Type;
use super::testing::TestProblem;

/// Something wrong in a rule file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {problem}")]
pub struct RuleError {
    /// The file's name, as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What it is.
    pub problem: Problem,
}

impl RuleError {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// What to do.
    pub fn hint(&self) -> String {
        self.problem.hint()
    }
}

/// A kind of thing that can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A file is larger than is read.
    #[error("the file has {bytes} bytes, more than {}", super::limits::FILE_BYTES)]
    FileTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// All files together have too many rules.
    #[error("more than {} rules", super::limits::RULES)]
    TooManyRules,
    /// Not TOML.
    #[error("not valid toml: {0}")]
    Toml(String),
    /// A key that means nothing here.
    #[error("unknown key `{key}` in {of}")]
    UnknownKey {
        /// The key.
        key: String,
        /// What it stands in.
        of: String,
        /// What can stand there.
        known: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A parameter of another situation.
    #[error("`{key}` is not a parameter of `{situation}`")]
    MisplacedKey {
        /// The key.
        key: String,
        /// The rule's situation.
        situation: String,
        /// Situations that have it.
        belongs: String,
    },
    /// A key that must be there is not.
    #[error("`{key}` is missing in {of}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// Where.
        of: String,
    },
    /// A value of the wrong TOML type.
    #[error("`{key}` must be {expected}, not {found}")]
    WrongType {
        /// The key.
        key: String,
        /// What is accepted.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A value of the right type that is not accepted.
    #[error("`{key}` cannot be `{value}`")]
    BadValue {
        /// The key.
        key: String,
        /// What is there.
        value: String,
        /// What is accepted.
        accepted: String,
    },
    /// Not a span of time, or not in range.
    #[error("`{key}` cannot be the duration `{value}`")]
    BadDuration {
        /// The key.
        key: String,
        /// What is there.
        value: String,
        /// What is accepted.
        accepted: String,
    },
    /// Not a moment.
    #[error("`{key}` cannot be the time `{value}`")]
    BadTime {
        /// The key.
        key: String,
        /// What is there.
        value: String,
    },
    /// A word that is not one of those known.
    #[error("`{key}` cannot be `{word}`")]
    UnknownWord {
        /// The key.
        key: String,
        /// The word.
        word: String,
        /// The words known.
        known: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// `when` names nothing known.
    #[error("unknown situation `{word}`")]
    UnknownSituation {
        /// The word.
        word: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A name that cannot be a rule's.
    #[error("`{0}` cannot be the name of a rule")]
    BadName(String),
    /// Two rules of one name.
    #[error("the rule `{id}` stands in {file} (line {line}) already")]
    Duplicate {
        /// The name.
        id: String,
        /// The file with the first.
        file: String,
        /// The first one's line.
        line: usize,
    },
    /// `from` is not before `until`.
    #[error("`from` must be before `until`")]
    Period,
    /// A budget that nobody defines.
    #[error("there is no budget `{name}`")]
    NoSuchBudget {
        /// Its name.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// Two budgets of one name.
    #[error("the budget `{name}` stands in {file} (line {line}) already")]
    DuplicateBudget {
        /// The name.
        name: String,
        /// The file with the first.
        file: String,
        /// The first one's line.
        line: usize,
    },
    /// No interest at all.
    #[error("`interest` is empty")]
    NoInterest,
    /// `none` where there is nothing without an interest.
    #[error("`interest` cannot be `none` in `{situation}`")]
    InterestNone {
        /// The rule's situation.
        situation: &'static str,
    },
    /// A template's braces do not match.
    #[error("unbalanced `{0}`")]
    Unbalanced(&'static str),
    /// A template longer than is read.
    #[error("the text has {bytes} bytes, more than {}", super::limits::TEMPLATE_BYTES)]
    TemplateTooLong {
        /// Its size.
        bytes: usize,
    },
    /// Something wrong in an expression.
    #[error(transparent)]
    Expression(#[from] ExpressionProblem),
    /// Something wrong in a test.
    #[error(transparent)]
    Test(#[from] TestProblem),
}

/// A kind of thing that can be wrong in an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionProblem {
    /// Longer than is read.
    #[error("the expression has {bytes} bytes, more than {}", super::limits::EXPRESSION_BYTES)]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// Nested deeper than is evaluated.
    #[error("the expression is nested more than {} levels deep", super::limits::DEPTH)]
    TooDeep,
    /// Not CEL.
    #[error("not a valid expression: {0}")]
    Syntax(String),
    /// CEL, but not supported in rules.
    #[error("{what} cannot be used in rules")]
    Unsupported {
        /// What.
        what: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// A name that means nothing.
    #[error("unknown name `{name}`")]
    UnknownName {
        /// The name.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// An object without that field.
    #[error("`{object}` has no field `{field}`")]
    UnknownField {
        /// The object.
        object: String,
        /// The field.
        field: String,
        /// The fields it has.
        known: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A function that does not exist.
    #[error("unknown function `{name}`")]
    UnknownFunction {
        /// The name.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A field that does not exist in the rule's situation.
    #[error("`{path}` does not exist in `{situation}`")]
    NotAvailable {
        /// The field.
        path: String,
        /// The rule's situation.
        situation: &'static str,
        /// What can be used there.
        instead: &'static str,
    },
    /// A field that only a score can ask for.
    #[error("`{path}` can be asked for in a score alone")]
    OnlyInScore {
        /// The field.
        path: String,
        /// What to do.
        instead: &'static str,
    },
    /// Something that does not change with what is learned of the customer.
    #[error("`{path}` cannot be asked for in a segment")]
    NotInSegment {
        /// What was asked for.
        path: String,
        /// What to do.
        instead: &'static str,
    },
    /// An object where a value is needed.
    #[error("`{object}` is not a value")]
    NotAValue {
        /// The object.
        object: String,
    },
    /// An operator or function with operands it does not take.
    #[error("{what} cannot be applied to {found}")]
    WrongOperands {
        /// Operator or function.
        what: String,
        /// The operands' types.
        found: String,
        /// What it takes.
        takes: &'static str,
    },
    /// A function with too few or too many arguments.
    #[error("`{function}` takes {takes}, not {found}")]
    ArgumentCount {
        /// The function.
        function: String,
        /// How many it takes.
        takes: &'static str,
        /// How many there are.
        found: usize,
    },
    /// The whole is of a type that cannot be used there.
    #[error("{place} must be {expected}, not {found}")]
    WrongResult {
        /// What the expression is for.
        place: &'static str,
        /// What is needed.
        expected: &'static str,
        /// What it is.
        found: Type,
    },
    /// A literal duration, time or time zone that is none.
    #[error("`{text}` is not a {kind}")]
    BadLiteral {
        /// What it should be.
        kind: &'static str,
        /// What is there.
        text: String,
    },
    /// More summands than a score may have.
    #[error("the score has {found} terms, more than {}", super::limits::SCORE_TERMS)]
    TooManyTerms {
        /// How many it has.
        found: usize,
    },
}

/// "did you mean `x`?", or else `otherwise`.
fn meant(near: Option<&String>, otherwise: impl FnOnce() -> String) -> String {
    near.map_or_else(otherwise, |near| format!("did you mean `{near}`?"))
}

impl Problem {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Problem::FileTooLarge { .. } => "file.too_large",
            Problem::TooManyRules => "rule.too_many",
            Problem::Toml(_) => "toml.syntax",
            Problem::UnknownKey { .. } => "key.unknown",
            Problem::MisplacedKey { .. } => "key.misplaced",
            Problem::MissingKey { .. } => "key.missing",
            Problem::WrongType { .. } => "value.type",
            Problem::BadValue { .. } => "value.invalid",
            Problem::BadDuration { .. } => "value.duration",
            Problem::BadTime { .. } => "value.time",
            Problem::UnknownWord { .. } => "value.unknown",
            Problem::UnknownSituation { .. } => "when.unknown",
            Problem::BadName(_) => "rule.name",
            Problem::Duplicate { .. } => "rule.duplicate",
            Problem::Period => "rule.period",
            Problem::NoSuchBudget { .. } => "budget.unknown",
            Problem::DuplicateBudget { .. } => "budget.duplicate",
            Problem::NoInterest => "interest.empty",
            Problem::InterestNone { .. } => "interest.none",
            Problem::Unbalanced(_) => "template.unbalanced",
            Problem::TemplateTooLong { .. } => "template.too_long",
            Problem::Expression(problem) => problem.code(),
            Problem::Test(problem) => problem.code(),
        }
    }

    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Problem::FileTooLarge { .. } => "split it into several files".to_owned(),
            Problem::TooManyRules => "remove rules that are no longer used".to_owned(),
            Problem::Toml(_) => {
                "a string stands in quotes, a table header in brackets: `[rule.name]`".to_owned()
            }
            Problem::UnknownKey { known, near, .. } => {
                meant(near.as_ref(), || format!("known here: {known}"))
            }
            Problem::MisplacedKey { belongs, .. } => format!("it belongs to {belongs}"),
            Problem::MissingKey { key, of } => format!("add `{key} = …` to {of}"),
            Problem::WrongType { expected, .. } => format!("write {expected}"),
            Problem::BadValue { accepted, .. } | Problem::BadDuration { accepted, .. } => {
                format!("write {accepted}")
            }
            Problem::BadTime { .. } => {
                "write a date, a time and an offset: 2026-11-11T00:00:00+01:00".to_owned()
            }
            Problem::UnknownWord { known, near, .. } => {
                meant(near.as_ref(), || format!("known here: {known}"))
            }
            Problem::UnknownSituation { near, .. } => {
                meant(near.as_ref(), || format!("known: {}", super::parameters::situations()))
            }
            Problem::BadName(_) => "1 to 128 bytes, without control characters".to_owned(),
            Problem::NoSuchBudget { name, near } => {
                meant(near.as_ref(), || format!("add `[budget.{name}]` with `amount = …` to any rule file"))
            }
            Problem::Duplicate { .. } | Problem::DuplicateBudget { .. } => {
                "give one of them another name".to_owned()
            }
            Problem::Period => "swap them, or leave one out".to_owned(),
            Problem::NoInterest => "name at least one of cart, wishlist, viewed".to_owned(),
            Problem::InterestNone { .. } => "name any of cart, wishlist, viewed".to_owned(),
            Problem::Unbalanced(_) => {
                "an expression stands between `{{` and `}}`; to print braces write {{ \"{{\" }}".to_owned()
            }
            Problem::TemplateTooLong { .. } => "shorten the text".to_owned(),
            Problem::Expression(problem) => problem.hint(),
            Problem::Test(problem) => problem.hint(),
        }
    }
}

impl ExpressionProblem {
    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            ExpressionProblem::TooLong { .. } => "expression.too_long",
            ExpressionProblem::TooDeep => "expression.too_deep",
            ExpressionProblem::Syntax(_) => "expression.syntax",
            ExpressionProblem::Unsupported { .. } => "expression.unsupported",
            ExpressionProblem::UnknownName { .. } => "expression.unknown_name",
            ExpressionProblem::UnknownField { .. } => "expression.unknown_field",
            ExpressionProblem::UnknownFunction { .. } => "expression.unknown_function",
            ExpressionProblem::NotAvailable { .. } => "expression.not_available",
            ExpressionProblem::OnlyInScore { .. } => "expression.only_in_score",
            ExpressionProblem::NotInSegment { .. } => "expression.not_in_segment",
            ExpressionProblem::NotAValue { .. } => "expression.not_a_value",
            ExpressionProblem::WrongOperands { .. } => "expression.operands",
            ExpressionProblem::ArgumentCount { .. } => "expression.arguments",
            ExpressionProblem::WrongResult { .. } => "expression.result",
            ExpressionProblem::BadLiteral { .. } => "expression.literal",
            ExpressionProblem::TooManyTerms { .. } => "expression.too_many_terms",
        }
    }

    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            ExpressionProblem::TooLong { .. } => "split the rule in two".to_owned(),
            ExpressionProblem::TooDeep => "split the rule in two, or use `in [ … ]`".to_owned(),
            ExpressionProblem::Syntax(_) => {
                "close every bracket and quote; text stands in quotes, and is compared with ==".to_owned()
            }
            ExpressionProblem::Unsupported { instead, .. }
            | ExpressionProblem::NotAvailable { instead, .. }
            | ExpressionProblem::NotInSegment { instead, .. }
            | ExpressionProblem::OnlyInScore { instead, .. } => (*instead).to_owned(),
            ExpressionProblem::UnknownName { near, .. } => meant(near.as_ref(), || {
                format!("known: {}; text stands in quotes", super::fields::OBJECTS.join(", "))
            }),
            ExpressionProblem::UnknownField { known, near, .. } => {
                meant(near.as_ref(), || format!("it has {known}"))
            }
            ExpressionProblem::UnknownFunction { near, .. } => {
                meant(near.as_ref(), || format!("known: {}", super::compile::functions()))
            }
            ExpressionProblem::NotAValue { object } => {
                format!("name one of its fields: {}", super::fields::names(object))
            }
            ExpressionProblem::WrongOperands { takes, .. } => format!("it takes {takes}"),
            ExpressionProblem::ArgumentCount { takes, .. } => format!("give it {takes}"),
            ExpressionProblem::WrongResult { place, .. } => match *place {
                "a term of a score" => "give points for a condition: `condition ? 20 : 0`".to_owned(),
                _ => "compare it with something: `… > 0`, `… == \"diving\"`".to_owned(),
            },
            ExpressionProblem::BadLiteral { kind, .. } => match *kind {
                "duration" => "a number and a unit: \"30s\", \"10m\", \"1h30m\", \"7d\"".to_owned(),
                "timestamp" => "a date, a time and an offset: \"2026-11-11T00:00:00+01:00\"".to_owned(),
                _ => "a name of the IANA database, as \"Europe/Berlin\", or an offset, as \"+01:00\""
                    .to_owned(),
            },
            ExpressionProblem::TooManyTerms { .. } => {
                "put several into brackets: they are one term then".to_owned()
            }
        }
    }
}
