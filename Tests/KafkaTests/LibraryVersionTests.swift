import Kafka
import Testing

@Test func theLibraryNamesItsVersion() { #expect(libraryVersion.contains(".")) }
