// Signs a user in at a Cognito user pool, with AWS's own client and by SRP: the password is not sent. Standard input is
// {"pool": ..., "client": ..., "endpoint": ..., "user": ..., "password": ...}. Prints the tokens, or the error's name.
import { AuthenticationDetails, CognitoUser, CognitoUserPool } from 'amazon-cognito-identity-js';
import { text } from 'node:stream/consumers';

const { pool, client, endpoint, user, password } = JSON.parse(await text(process.stdin));
const Pool = new CognitoUserPool({ UserPoolId: pool, ClientId: client, endpoint });
const signedIn = new CognitoUser({ Username: user, Pool });
signedIn.setAuthenticationFlowType('USER_SRP_AUTH');
signedIn.authenticateUser(new AuthenticationDetails({ Username: user, Password: password }), {
  onSuccess: (session) =>
    console.log(
      JSON.stringify({
        access_token: session.getAccessToken().getJwtToken(),
        id_token: session.getIdToken().getJwtToken(),
      }),
    ),
  onFailure: (error) => console.log(JSON.stringify({ error: error.code ?? error.name })),
  newPasswordRequired: () => console.log(JSON.stringify({ error: 'NEW_PASSWORD_REQUIRED' })),
});
