import Glibc

/// The files of the live page: its own are in the binary, the chart library is Debian's and read where it is installed.
public enum DashboardAssets {
    public struct Asset: Sendable {
        public let bytes: [UInt8]
        public let contentType: String
    }

    /// What the page needs and nothing else: no inline script or style, nothing from elsewhere.
    public static let contentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// The paths that `asset(at:)` knows.
    public static var paths: [String] { own.keys.sorted() + [chartPath] }

    /// What lies at a path of the server; nil for a path that is none of the page's.
    public static func asset(at path: String) -> Asset? {
        guard path == chartPath else { return own[path] }
        return chartLibrary ?? missingChartLibrary
    }

    // MARK: Own files

    private static let html = "text/html; charset=utf-8"
    private static let css = "text/css; charset=utf-8"
    private static let script = "text/javascript; charset=utf-8"

    private static let own: [String: Asset] = [
        "/": Asset(bytes: PackageResources.page_html, contentType: html),
        "/assets/page.css": Asset(bytes: PackageResources.page_css, contentType: css),
        "/assets/page.js": Asset(bytes: PackageResources.page_js, contentType: script),
        "/assets/access.js": Asset(bytes: PackageResources.access_js, contentType: script),
        "/assets/stream.js": Asset(bytes: PackageResources.stream_js, contentType: script),
        "/assets/panels.js": Asset(bytes: PackageResources.panels_js, contentType: script),
        "/assets/charts.js": Asset(bytes: PackageResources.charts_js, contentType: script),
        "/assets/history.js": Asset(bytes: PackageResources.history_js, contentType: script),
        "/assets/form.js": Asset(bytes: PackageResources.form_js, contentType: script),
        "/assets/format.js": Asset(bytes: PackageResources.format_js, contentType: script),
    ]

    // MARK: Chart.js

    private static let chartPath = "/assets/chart.js"

    /// Where distributions put Chart.js 3 or 4 as one script.
    private static let chartFiles = [
        "/usr/share/javascript/chart.js/chart.min.js",
        "/usr/share/javascript/chart.js/chart.umd.js",
        "/usr/share/javascript/chart.js/Chart.min.js",
        "/usr/share/javascript/chart.js/chart.js",
        "/usr/share/nodejs/chart.js/dist/chart.min.js",
        "/usr/share/nodejs/chart.js/dist/chart.umd.js",
    ]

    /// Looked up once.
    private static let chartLibrary: Asset? = chartFiles.lazy.compactMap(contents).first
        .map { Asset(bytes: $0, contentType: script) }

    /// A script that does nothing, because a missing one would be an error in the browser's console.
    private static let missingChartLibrary = Asset(
        bytes: Array("// Chart.js is not installed (Debian: libjs-chart.js)\n".utf8), contentType: script)

    /// A file read whole; nil when it is not there, empty or far larger than a library.
    private static func contents(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= 0, bytes.count + count <= 4 << 20 else { return nil }
            if count == 0 { return bytes.isEmpty ? nil : bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }
}
