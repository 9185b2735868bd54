import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/** Runs the statements of a file of Flink SQL one after the other, and waits for the end of each. */
public class RunSql {
    public static void main(String[] arguments) throws Exception {
        TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
        tables.getConfig().set("table.local-time-zone", "UTC");
        for (String statement : Files.readString(Path.of(arguments[0])).split(";\\s*\\n")) {
            tables.executeSql(statement).await();
        }
    }
}
