/// The version of these programs and libraries.
public enum MasixVersion {
    public static let current = "0.1.0"
}
