//! What a stored expression, rule or body calls, read from its `pg_node_tree`.
//!
//! Pure. Follows `src/backend/nodes/read.c`: a token ends at a blank or a bracket, a backslash takes the next character
//! along. A field that this file does not know counts as everything that its number could be, so that a release that
//! adds a field makes pgdj refuse too much, not too little.

/// What is mentioned, by number; builtin types are left out by who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MentionedObjects {
    /// `pg_proc`.
    pub(super) functions: Vec<i64>,
    /// `pg_operator`.
    pub(super) operators: Vec<i64>,
    /// `pg_type`.
    pub(super) types: Vec<i64>,
    /// `pg_class`.
    pub(super) relations: Vec<i64>,
    /// `pg_opclass`.
    pub(super) classes: Vec<i64>,
    /// Whether a statement in it is no SELECT.
    pub(super) writes: bool,
}

/// What the number in a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldMeaning {
    Function,
    Operator,
    Type,
    Relation,
    Class,
    /// What a statement does: 1 is SELECT. Source: `CmdType` of `src/include/nodes/nodes.h`.
    Command,
    /// No object that could call something.
    Plain,
    /// Not known here.
    Unknown,
}

/// Fields by what their numbers are. Source: the trees of all rules, defaults, constraints, index expressions, partition
/// keys, statistics and SQL bodies of 12 to 18, of the system and of the views in `tests/it/judge`, and
/// `src/include/nodes/{primnodes,parsenodes}.h`.
fn field(name: &str) -> FieldMeaning {
    match name {
        "funcid" | "opfuncid" | "hashfuncid" | "negfuncid" | "aggfnoid" | "winfnoid" | "elemfuncid"
        | "startInRangeFunc" | "endInRangeFunc" | "tsmhandler" => FieldMeaning::Function,
        "opno" | "opnos" | "sortop" | "eqop" | "cycle_mark_neop" => FieldMeaning::Operator,
        "relid" | "seqid" => FieldMeaning::Relation,
        "inferopclass" => FieldMeaning::Class,
        "commandType" => FieldMeaning::Command,
        "aggargtypes" | "aggtranstype" | "aggtype" | "array_typeid" | "btype" | "casetype" | "coalescetype"
        | "colTypes" | "coltypes" | "consttype" | "ctecoltypes" | "cycle_mark_type" | "element_typeid"
        | "funccoltypes" | "funcresulttype" | "minmaxtype" | "opresulttype" | "paramtype" | "refelemtype"
        | "refcontainertype" | "refarraytype" | "refrestype" | "resulttype" | "row_typeid" | "type" | "typeId"
        | "typid" | "vartype" | "wintype" => FieldMeaning::Type,
        _ if PLAIN.contains(&name) => FieldMeaning::Plain,
        _ => FieldMeaning::Unknown,
    }
}

/// Fields whose numbers are places, lengths, flags, collations, types' modifiers or bytes.
const PLAIN: &[&str] = &[
    "action",
    "agglevelsup",
    "aggcollid",
    "aggsplit",
    "aggno",
    "aggtransno",
    "array_collid",
    "casecollid",
    "checkAsUser",
    "coalescecollid",
    "coerceformat",
    "coercionformat",
    "colCollations",
    "colTypmods",
    "colcollations",
    "collOid",
    "collation",
    "coltypmods",
    "constcollid",
    "constlen",
    "consttypmod",
    "constraint",
    "constvalue",
    "convertformat",
    "ctecolcollations",
    "ctecoltypmods",
    "ctelevelsup",
    "cterefcount",
    "ctematerialized",
    "cycle_mark_collation",
    "cycle_mark_typmod",
    "encoding",
    "exclRelIndex",
    "fieldnum",
    "fieldnums",
    "format",
    "format_type",
    "frameOptions",
    "funccolcollations",
    "funccolcount",
    "funccoltypmods",
    "funccollid",
    "funcformat",
    "functype",
    "inRangeColl",
    "infercollid",
    "inputcollid",
    "inputcollids",
    "insertedCols",
    "item_type",
    "joinleftcols",
    "joinmergedcols",
    "joinrightcols",
    "jointype",
    "kind",
    "limitOption",
    "location",
    "lockmode",
    "mergeTargetRelation",
    "minmaxcollid",
    "msgtype",
    "nulltesttype",
    "booltesttype",
    "on_empty",
    "opcollid",
    "op",
    "ordinalitycol",
    "override",
    "paramcollid",
    "paramid",
    "paramkind",
    "paramtypmod",
    "perminfoindex",
    "querySource",
    "rctype",
    "refcollid",
    "refassgnexpr",
    "reftypmod",
    "refupperindexpr",
    "relabelformat",
    "relkind",
    "rellockmode",
    "requiredPerms",
    "resjunk",
    "resno",
    "resorigcol",
    "resorigtbl",
    "ressortgroupref",
    "resultRelation",
    "resultcollid",
    "resulttypmod",
    "rowformat",
    "row_format",
    "rowcomparetype",
    "cmptype",
    "rtekind",
    "rtindex",
    "selectedCols",
    "stmt_len",
    "stmt_location",
    "strength",
    "subLinkId",
    "subLinkType",
    "tleSortGroupRef",
    "typeMod",
    "typmod",
    "updatedCols",
    "extraUpdatedCols",
    "useOrAsk",
    "useOp",
    "varattno",
    "varattnosyn",
    "varcollid",
    "varlevelsup",
    "varno",
    "varnoold",
    "varnosyn",
    "varnullingrels",
    "varoattno",
    "varreturningtype",
    "vartypmod",
    "waitPolicy",
    "wincollid",
    "winref",
    "wrapper",
    "xmloption",
    "enrtuples",
    "self_reference",
    "groupingSets",
    "arrayexpr",
    "matchKind",
    "plan_id",
    "content",
    "frame",
    "refs",
    "cols",
    "opfamilies",
    "rti",
    "colMin",
    "colMax",
    "boolop",
    "nargs",
    "values_lists",
];

/// Reads a tree; `None` where it is no tree.
pub(super) fn mentions(tree: &str) -> Option<MentionedObjects> {
    let mut found = MentionedObjects::default();
    let mut current = FieldMeaning::Plain;
    let mut depth = 0_i64;
    for token in Tokens(tree) {
        match token {
            TreeToken::Bracket('{' | '(') => depth += 1,
            TreeToken::Bracket(_) => {
                depth -= 1;
                if depth < 0 {
                    return None;
                }
            }
            TreeToken::Word(word) => {
                if let Some(name) = word.strip_prefix(':') {
                    current = field(name);
                } else if let Some(number) = word.parse().ok().filter(|number| *number > 0) {
                    found.add(current, number);
                }
            }
        }
    }
    (depth == 0 && tree.contains(['{', '<'])).then_some(found)
}

/// Returns the fields of a tree that hold a number and that the judge does not know, which a new release may bring;
/// `None` where it is no tree.
pub fn unknown_fields(tree: &str) -> Option<Vec<String>> {
    mentions(tree)?;
    let mut unknown = Vec::new();
    let mut current: Option<&str> = None;
    for token in Tokens(tree) {
        let TreeToken::Word(word) = token else { continue };
        if let Some(name) = word.strip_prefix(':') {
            current = Some(name).filter(|name| field(name) == FieldMeaning::Unknown);
        } else if let Some(name) = current.filter(|_| word.parse().is_ok_and(|number: i64| number > 0)) {
            unknown.push(name.to_owned());
        }
    }
    Some(unknown)
}

impl MentionedObjects {
    fn add(&mut self, field: FieldMeaning, number: i64) {
        match field {
            FieldMeaning::Function => self.functions.push(number),
            FieldMeaning::Operator => self.operators.push(number),
            FieldMeaning::Type => self.types.push(number),
            FieldMeaning::Relation => self.relations.push(number),
            FieldMeaning::Class => self.classes.push(number),
            FieldMeaning::Command => self.writes |= number != 1,
            FieldMeaning::Plain => {}
            FieldMeaning::Unknown => {
                for list in [&mut self.functions, &mut self.operators, &mut self.types, &mut self.relations] {
                    list.push(number);
                }
            }
        }
    }
}

enum TreeToken<'a> {
    /// One of `{ } ( )`; square brackets are words, as a name that is `[` is.
    Bracket(char),
    Word(&'a str),
}

struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = TreeToken<'a>;

    fn next(&mut self) -> Option<TreeToken<'a>> {
        let text = self.0.trim_start_matches([' ', '\n', '\t']);
        let first = text.chars().next()?;
        if "{}()".contains(first) {
            self.0 = text.get(1..).unwrap_or_default();
            return Some(TreeToken::Bracket(first));
        }
        let mut is_escaped = false;
        let end = text.find(|letter: char| {
            let ends = !is_escaped && matches!(letter, ' ' | '\n' | '\t' | '{' | '}' | '(' | ')');
            is_escaped = !is_escaped && letter == '\\';
            ends
        });
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        self.0 = rest;
        Some(TreeToken::Word(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tree_mentions_is_found() {
        let tree = "{OPEXPR :opno 96 :opfuncid 65 :opresulttype 16 :opretset false :opcollid 0 :inputcollid 0 :args (\
            {FUNCEXPR :funcid 2096 :funcresulttype 16 :args ({CONST :consttype 23 :constlen 4 :constvalue 4 [ 1 0 0 0 ]})} \
            {RTE :relid 16400 :eref {ALIAS :aliasname a\\ :funcid\\ 99 :colnames (\"b\\ \\:opno\\ 7\" \"c\")}}) :location 2026}";
        let found = mentions(tree).unwrap();
        assert_eq!(found.functions, [65, 2096]);
        assert_eq!((found.operators, found.relations), (vec![96], vec![16400]));
        assert_eq!(found.types, [16, 16, 23]);
        let row = mentions("({ROWCOMPAREEXPR :rctype 1 :opnos (o 96 664) :opfamilies (o 1976 1994)})").unwrap();
        assert_eq!(row.operators, [96, 664]);
        assert!(!mentions("{QUERY :commandType 1 :querySource 0}").unwrap().writes);
        assert!(mentions("({QUERY :commandType 1} {QUERY :commandType 3})").unwrap().writes);
        let found = mentions("{X :newfuncs (o 2096)}").unwrap();
        assert_eq!((found.functions, found.operators), (vec![2096], vec![2096]));
        assert_eq!(unknown_fields("{X :newfuncs (o 2096) :location 3}"), Some(vec!["newfuncs".to_owned()]));
    }

    #[test]
    fn what_is_no_tree_is_none() {
        for text in ["{A", "}", "{A :b 1))", "select 1"] {
            assert_eq!(mentions(text), None, "{text}");
        }
        assert_eq!(mentions("<>"), Some(MentionedObjects::default()));
    }

    proptest::proptest! {
        #[test]
        fn a_name_in_a_tree_hides_nothing(name in "[a-z :0-9{}()\\[\\]\\\\]{0,20}") {
            let escaped: String = name.chars().flat_map(|letter| {
                let is_special = " \n\t(){}\\".contains(letter);
                is_special.then_some('\\').into_iter().chain([letter])
            }).collect();
            let tree = format!("{{A :name {escaped} :names (\"{escaped}\") :funcid 2096}}");
            let found = mentions(&tree).unwrap();
            proptest::prop_assert_eq!(found.functions.last(), Some(&2096));
        }
    }
}
