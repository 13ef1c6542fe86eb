import Measure

/// Masix's side of a case; nil if it takes no part in it.
typealias MasixSide = @Sendable (Setting, Processors) throws -> (any Contender)?

/// Nil as long as this package does not depend on Masix: then only the floors can be measured.
let masixSide: MasixSide? = nil
