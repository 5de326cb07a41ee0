import java.io.FileInputStream;
import java.security.cert.CRL;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateRevokedException;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** java Revocation.java ROOT ISSUING ROOT_CRL ISSUING_CRL LEAF...: a line for each leaf, what PKIX says of it. */
class Revocation {
    static final CertificateFactory FACTORY;

    static {
        try {
            FACTORY = CertificateFactory.getInstance("X.509");
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    public static void main(String[] files) throws Exception {
        X509Certificate root = certificate(files[0]), issuing = certificate(files[1]);
        List<CRL> crls = List.of(crl(files[2]), crl(files[3]));
        for (int index = 4; index < files.length; index++) {
            System.out.println(verdict(List.of(certificate(files[index]), issuing), root, crls));
        }
    }

    static String verdict(List<X509Certificate> chain, X509Certificate root, List<CRL> crls) throws Exception {
        CertPath path = FACTORY.generateCertPath(new ArrayList<>(chain));
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(crls)));
        parameters.setRevocationEnabled(true);
        try {
            CertPathValidator.getInstance("PKIX").validate(path, parameters);
            return "good";
        } catch (CertPathValidatorException error) {
            if (error.getCause() instanceof CertificateRevokedException revoked) {
                return "revoked " + revoked.getRevocationReason();
            }
            return "refused " + error.getReason() + " " + error.getMessage();
        }
    }

    static X509Certificate certificate(String file) throws Exception {
        try (FileInputStream stream = new FileInputStream(file)) {
            return (X509Certificate) FACTORY.generateCertificate(stream);
        }
    }

    static CRL crl(String file) throws Exception {
        try (FileInputStream stream = new FileInputStream(file)) {
            return FACTORY.generateCRL(stream);
        }
    }
}
